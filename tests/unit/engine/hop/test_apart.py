"""What a step does to itself, its context variables and its task, is over with it, and is the step's outcome."""

from __future__ import annotations

import asyncio
import contextvars
import decimal
from collections.abc import Callable
from typing import Any

import pytest

from paigeant import ActivityRegistry, RetryPolicy, RunFailed, Workflow, testing

TENANT = contextvars.ContextVar("tenant", default="nobody")
ONCE = RetryPolicy(max_attempts=1)


def change() -> None:
    TENANT.set("acme")
    decimal.getcontext().prec = 3


def look() -> str:
    return f"{TENANT.get()} {decimal.Decimal(1) / 3}"


async def change_later() -> None:
    change()
    await asyncio.sleep(0)


async def look_later() -> str:
    return look()


def change_in_an_awaitable() -> Any:
    change()
    return change_later()


@pytest.mark.parametrize("looks", [look, look_later])
@pytest.mark.parametrize("changes", [change, change_later, change_in_an_awaitable])
async def test_no_step_sees_the_context_of_the_one_before(changes: Callable[..., Any], looks: Callable[..., Any]):
    decimal.getcontext()
    registry = ActivityRegistry()
    registry.execute("changes")(changes)
    registry.execute("looks")(looks)

    async with testing.app(registry, workflows=[Workflow("w", ["changes", "looks"])]) as app:
        output = (await (await app.dispatch("w", {})).result(10)).output

    assert output == "nobody 0.3333333333333333333333333333"


async def exits_a_generator() -> None:
    raise GeneratorExit


async def exits_the_program() -> None:
    raise SystemExit(3)


async def cancels_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(1)


async def raises_cancelled() -> None:
    raise asyncio.CancelledError


def exits_in_a_thread() -> None:
    raise SystemExit(3)


class Asking(Exception):
    @property
    def retry_after(self) -> float:
        raise KeyError("Retry-After")


class Enormous(Exception):
    retry_after = 10**400


async def asks_and_raises() -> None:
    raise Asking("503")


def asks_for_ever() -> None:
    raise Enormous("503")


@pytest.mark.parametrize(
    "function",
    [
        exits_a_generator,
        exits_the_program,
        cancels_itself,
        raises_cancelled,
        exits_in_a_thread,
        asks_and_raises,
        asks_for_ever,
    ],
)
async def test_whatever_raises_is_the_steps_outcome_at_once(function: Callable[..., Any]):
    registry = ActivityRegistry()
    registry.execute("step", retry=ONCE)(function)

    async with testing.app(registry, workflows=[Workflow("w", ["step"])]) as app:
        result = await (await app.dispatch("w", {})).result(5)

    assert (result.status, [error.attempt for error in result.steps[0].errors]) == ("failed", [1])
    with pytest.raises(RunFailed) as caught:
        _ = result.output
    assert f"in {function.__name__}" in caught.value.__notes__[0]
    assert str(caught.value).endswith(f"see: paigeant show {result.workflow_id}")
