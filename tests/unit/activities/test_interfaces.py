"""A change of code that breaks no run in flight is let through, and one that would is said in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional

import pytest
from pydantic import BaseModel, Field

from paigeant import ActivityRegistry, Completed, Parked
from paigeant.activities.interfaces import mismatch


def interface(function: Callable[..., Any]) -> str:
    registry = ActivityRegistry()
    registry.execute("step")(function)
    made = registry.interface("step")
    assert made is not None
    return made


class Item(BaseModel):
    title: str
    parts: list[Item] = []


class Order(BaseModel):
    id: str
    items: list[Item]


class LargerOrder(BaseModel):
    """The same, with a note."""

    id: str = Field(description="what it is called")
    items: list[Item]
    note: str = ""


class StricterOrder(BaseModel):
    id: str
    items: list[Item]
    customer: str


class Odd(BaseModel):
    much: int = Field(alias="a,b:c?>d")


class Tree(BaseModel):
    children: list[Tree]


@dataclass
class Receipt:
    number: int
    lines: list[Item]


@dataclass
class LongerReceipt:
    number: int
    lines: list[StricterOrder]
    paid: bool = False


@dataclass
class OtherReceipt:
    number: str
    lines: list[Item]


def before(order: Order, amount: int, note: str = "") -> Receipt: ...


FITTING: dict[str, Callable[..., Any]] = {}
BREAKING: dict[str, tuple[Callable[..., Any], str]] = {}


def fits(function: Callable[..., Any]) -> None:
    FITTING[function.__name__] = function


def breaks(said: str) -> Callable[[Callable[..., Any]], None]:
    def register(function: Callable[..., Any]) -> None:
        BREAKING[function.__name__] = (function, said)

    return register


@fits
def the_same_in_another_order(note: str = "", *, amount: int, order: Order) -> Receipt: ...
@fits
def another_default(order: Order, amount: int = 3, note: str = "none") -> Receipt: ...
@fits
def a_new_argument_with_a_default(order: Order, amount: int, note: str = "", currency: str = "EUR") -> Receipt: ...
@fits
def an_argument_less(order: Order, note: str = "") -> Receipt: ...
@fits
def a_new_field_with_a_default(order: LargerOrder, amount: int, note: str = "") -> Receipt: ...
@fits
def an_argument_that_may_be_anything(order: Order, amount: Any, note: str = "") -> Receipt: ...
@fits
def a_longer_result(order: Order, amount: int, note: str = "") -> LongerReceipt: ...
@fits
async def an_outcome(order: Order, amount: int, note: str = "") -> Completed[Receipt] | Parked: ...


@breaks("argument 'currency' is new and has no default")
def a_new_argument(order: Order, amount: int, currency: str, note: str = "") -> Receipt: ...
@breaks("argument 'amount' has another type")
def another_type(order: Order, amount: str, note: str = "") -> Receipt: ...
@breaks("argument 'note' has no default any more")
def a_default_less(order: Order, amount: int, note: str) -> Receipt: ...
@breaks("argument 'order' has another type")
def a_stricter_model(order: StricterOrder, amount: int, note: str = "") -> Receipt: ...
@breaks("argument 'total' is new and has no default")
def a_renamed_argument(order: Order, total: int, note: str = "") -> Receipt: ...
@breaks("the field 'number' of its result has another type")
def another_result(order: Order, amount: int, note: str = "") -> OtherReceipt: ...
@breaks("the field 'lines' of its result is gone; the field 'number' of its result is gone")
def a_poorer_result(order: Order, amount: int, note: str = "") -> Order: ...
@breaks("its result has another type")
def no_object_any_more(order: Order, amount: int, note: str = "") -> list[Receipt]: ...
@breaks("argument 'amount' has another type; its result has another type")
def all_at_once(order: Order, amount: bytes, note: str = "") -> None: ...


@pytest.mark.parametrize("change", FITTING)
def test_what_breaks_no_run_fits(change: str):
    assert mismatch(interface(before), interface(FITTING[change])) is None


@pytest.mark.parametrize("change", BREAKING)
def test_what_would_break_a_run_is_said(change: str):
    function, said = BREAKING[change]

    assert mismatch(interface(before), interface(function)) == said


def test_a_result_that_gets_an_annotation_fits_and_so_does_one_that_never_had_any():
    def bare(): ...

    def annotated() -> Receipt: ...

    assert mismatch(interface(bare), interface(annotated)) is None
    assert mismatch(interface(bare), interface(bare)) is None
    assert mismatch(interface(annotated), interface(bare)) == "its result has another type"


def test_a_contract_is_short_and_the_same_wherever_it_is_made():
    def step(order: Order, note: Optional[str] = None) -> int: ...  # noqa: UP045  (the other spelling)

    def spelled(order: Order, note: str | None = None) -> int: ...

    assert interface(step) == interface(spelled) == "note?:4b6be9,order:b2d7ad>*:9b3a24"


def test_names_may_be_anything():
    def step() -> Odd: ...

    def other() -> str: ...

    assert mismatch(interface(step), interface(step)) is None
    assert mismatch(interface(step), interface(other)) == "its result has another type"


def test_a_type_that_knows_itself_has_a_contract():
    def step(tree: Tree) -> list[list[list[list[Tree]]]]: ...

    assert mismatch(interface(step), interface(step)) is None


def test_a_type_that_knows_itself_is_registered_as_often_as_one_likes():
    def step(tree: Tree) -> list[Tree]: ...

    assert len({interface(step) for _ in range(300)}) == 1
