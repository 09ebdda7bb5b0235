"""What would run after its step is refused where it is registered, with the cause and the cure."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import pytest

from paigeant import ActivityRegistry, Completed
from paigeant.errors import RegistrationError


def numbers() -> Iterator[int]:
    yield 1


def bare():
    yield 1


async def later() -> AsyncIterator[int]:
    yield 1


async def bare_later():
    yield 1


class Numbers:
    def __call__(self) -> Iterator[int]:
        yield 1

    def method(self):
        yield 1

    @classmethod
    def of_the_class(cls):
        yield 1

    @staticmethod
    def of_nobody():
        yield 1


class Later:
    async def __call__(self):
        yield 1


@wraps(numbers)
def decorated() -> Iterator[int]:
    return numbers()


@wraps(later)
async def decorated_later():
    return later()


def promising() -> Generator[int, None, None]:
    return (n for n in range(3))


def promising_an_outcome() -> Completed[Iterator[int]]:
    return Completed(iter([1]))


GENERATORS: list[Any] = [
    numbers,
    bare,
    later,
    bare_later,
    Numbers(),
    Numbers().method,
    Numbers.of_the_class,
    Numbers.of_nobody,
    Later(),
    partial(numbers),
    partial(partial(Numbers())),
    decorated,
    partial(decorated),
    decorated_later,
    contextmanager(numbers),
    promising,
    promising_an_outcome,
]


@pytest.mark.parametrize("function", GENERATORS, ids=range(len(GENERATORS)))
@pytest.mark.parametrize("way", ["execute", "compensate"])
def test_what_would_run_after_its_step_is_refused_with_the_cause_and_the_cure(function: Any, way: str):
    with pytest.raises(RegistrationError) as caught:
        getattr(ActivityRegistry(), way)("a")(function)

    assert re.match(re.escape(__file__) + r":\d+: it (is an? (async )?generator|returns )", str(caught.value))
    assert "return a list, or park between the parts" in str(caught.value)
