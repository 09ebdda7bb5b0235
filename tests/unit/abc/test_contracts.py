"""A contract is small enough to be read at once, says what it promises, and the store is no more than all of them."""

import inspect

import pytest

from paigeant import abc
from paigeant.abc import Resource, Store

LARGEST = 12
CONTRACTS = [getattr(abc, name) for name in abc.__all__ if inspect.isclass(getattr(abc, name))]


FROM_PYTHON = {"__init__", "__subclasshook__"}
"""What it adds to a protocol."""


def methods(contract: type) -> dict[str, object]:
    written = {name: method for name, method in vars(contract).items() if inspect.isfunction(method)}
    return {name: method for name, method in written.items() if name not in FROM_PYTHON}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_no_contract_asks_for_more_than_a_dozen_methods(contract: type) -> None:
    assert len(methods(contract)) <= LARGEST


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_method_says_what_it_guarantees(contract: type) -> None:
    undocumented = [name for name, method in methods(contract).items() if not inspect.getdoc(method)]

    assert undocumented == []


def test_a_store_adds_nothing_to_its_contracts() -> None:
    assert methods(Store) == {}
    assert Resource in Store.__bases__
    assert set(Store.__bases__) <= set(CONTRACTS)
