"""An error's text tells of the errors behind it too, and of those in a group."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from paigeant.activities.faults import describe


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    """Return the error as if it had been raised from the other."""
    error.__cause__ = cause
    return error


def test_what_led_to_an_error_is_told_with_it():
    fault = describe(raised(ValueError("outer"), raised(KeyError("inner"))))

    assert (fault.type, fault.message) == ("ValueError", "outer; caused by KeyError: 'inner'")


def test_the_errors_of_a_group_are_told():
    fault = describe(raised(ExceptionGroup("two things", [ValueError("a"), OSError("b")])))

    assert fault.message == "two things (2 sub-exceptions); ValueError: a; OSError: b"


def test_what_was_suppressed_is_not_told():
    error = ValueError("outer")
    error.__context__, error.__suppress_context__ = KeyError("inner"), True

    assert describe(error).message == "outer"


def test_a_chain_without_end_is_cut():
    error: Exception = ValueError("0")
    for number in range(1, 50):
        error = raised(ValueError(str(number)), error)

    assert describe(error).message.count("caused by") == 5


def in_another_loop(made: Coroutine[Any, Any, None]) -> None:
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(made)


NESTED: dict[str, Callable[[Coroutine[Any, Any, None]], object]] = {
    "an agent's run_sync": lambda _: Agent(TestModel()).run_sync("go"),
    "asyncio.run": asyncio.run,
    "this loop": lambda made: asyncio.get_running_loop().run_until_complete(made),
    "another loop": in_another_loop,
}


@pytest.mark.parametrize("named", NESTED)
async def test_a_loop_within_the_loop_is_explained(named: str):
    with closing(asyncio.sleep(0)) as made, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # what the agent would have awaited
        with pytest.raises(RuntimeError) as refused:
            NESTED[named](made)

        assert "await there, as agent.run(…) instead of agent.run_sync(…)" in describe(refused.value).message


def test_no_other_error_of_this_class_is_explained():
    assert describe(RuntimeError("the loop runs hot")).message == "the loop runs hot"
