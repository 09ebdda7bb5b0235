"""What fails is tried again as its policy says, and what was done is undone in reverse."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from paigeant import ActivityContext, ActivityRegistry, Completed, RetryPolicy, Step, Terminal, Workflow

QUICK = RetryPolicy(max_attempts=3, initial_delay=0.01)


async def test_a_step_is_tried_again_with_the_same_key_until_it_succeeds(registry: ActivityRegistry, serve: Any):
    attempts: list[tuple[int, str]] = []

    @registry.execute(retry=QUICK)
    async def shaky(ctx: ActivityContext) -> str:
        attempts.append((ctx.attempt, ctx.idempotency_key))
        if ctx.attempt < 3:
            raise ConnectionError("no answer")
        return "at last"

    app = await serve(Workflow("w", ["shaky"]))
    result = await (await app.dispatch("w", {})).result(timeout=10)

    assert result.output == "at last"
    assert [attempt for attempt, _ in attempts] == [1, 2, 3]
    assert len({key for _, key in attempts}) == 1
    assert [(e.attempt, e.type, e.message) for e in result.steps[0].errors] == [
        (1, "ConnectionError", "no answer"),
        (2, "ConnectionError", "no answer"),
    ]


async def test_the_policy_of_the_step_wins_over_that_of_the_activity(registry: ActivityRegistry, serve: Any):
    @registry.execute(retry=RetryPolicy(max_attempts=9, initial_delay=0.01))
    async def fails() -> None:
        raise ValueError("no")

    app = await serve(Workflow("w", [Step("fails", retry=RetryPolicy(max_attempts=1))]))
    result = await (await app.dispatch("w", {})).result(timeout=10)

    assert (result.status, result.steps[0].attempt) == ("failed", 1)


@pytest.mark.parametrize(
    ("error", "policy"),
    [
        (Terminal("never"), QUICK),
        (ValueError("no"), RetryPolicy(no_retry_on=(ValueError,), initial_delay=0.01)),
        (ValueError("no"), RetryPolicy(retry_on=(OSError,), initial_delay=0.01)),
    ],
)
async def test_what_is_not_worth_another_attempt_fails_at_once(
    error: Exception, policy: RetryPolicy, registry: ActivityRegistry, serve: Any
):
    @registry.execute(retry=policy)
    async def fails() -> None:
        raise error

    app = await serve(Workflow("w", ["fails"]))
    result = await (await app.dispatch("w", {})).result(timeout=10)

    assert (result.status, result.steps[0].attempt) == ("failed", 1)


async def test_an_error_may_say_how_long_to_wait(registry: ActivityRegistry, serve: Any):
    class Busy(Exception):
        retry_after = 0.4

    at: list[float] = []

    @registry.execute(retry=QUICK)
    async def busy(ctx: ActivityContext) -> None:
        at.append(time.monotonic())
        if ctx.attempt == 1:
            raise Busy

    app = await serve(Workflow("w", ["busy"]))
    await (await app.dispatch("w", {})).result(timeout=10)

    assert at[1] - at[0] >= 0.4


async def test_a_step_that_takes_too_long_is_cancelled_and_tried_again(registry: ActivityRegistry, serve: Any):
    cancelled: list[int] = []

    @registry.execute(timeout=0.05, retry=QUICK)
    async def slow(ctx: ActivityContext) -> str:
        if ctx.attempt == 1:
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                cancelled.append(ctx.attempt)
                raise
        return "quick"

    app = await serve(Workflow("w", ["slow"]))
    result = await (await app.dispatch("w", {})).result(timeout=10)

    assert (result.output, cancelled) == ("quick", [1])
    assert result.steps[0].errors[0].type == "TimeoutError"
    assert "0.05 s" in result.steps[0].errors[0].message


async def test_errors_name_the_line_in_the_users_own_file(registry: ActivityRegistry, serve: Any):
    @registry.execute(retry=RetryPolicy(max_attempts=1))
    async def breaks() -> int:
        return int("not a number")

    app = await serve(Workflow("w", ["breaks"]))
    error = (await (await app.dispatch("w", {})).result(timeout=10)).steps[0].errors[0]

    assert error.line == 'return int("not a number")'
    assert error.where is not None
    assert "test_failing.py:" in error.where


@pytest.fixture
def undoing(registry: ActivityRegistry) -> list[tuple[Any, ...]]:
    undone: list[tuple[Any, ...]] = []

    @registry.execute
    async def book(n: int) -> Completed[str]:
        return Completed(f"booked {n}", log={"booking": n})

    @registry.compensate("book")
    async def unbook(log: dict[str, int], output: str, payload: Any, ctx: ActivityContext) -> None:
        undone.append(("book", log, output, payload, ctx.fault and ctx.fault.message))

    @registry.execute
    async def note() -> None: ...

    @registry.execute
    async def pay() -> str:
        return "paid"

    @registry.compensate("pay")
    async def refund(log: str) -> None:
        undone.append(("pay", log))

    @registry.execute(retry=RetryPolicy(max_attempts=1))
    async def fails() -> None:
        raise ValueError("sold out")

    return undone


async def test_what_completed_is_undone_in_reverse_each_once_with_its_log(
    undoing: list[tuple[Any, ...]], registry: ActivityRegistry, serve: Any
):
    app = await serve(Workflow("w", ["book", "note", "pay", "fails", "note"]))
    result = await (await app.dispatch("w", {"n": 5})).result(timeout=10)

    assert result.status == "compensated"
    assert undoing == [("pay", "paid"), ("book", {"booking": 5}, "booked 5", {"n": 5}, "sold out")]
    assert [(s.position, s.step, s.direction, s.status) for s in result.steps[3:]] == [
        (4, "fails", "execute", "failed"),
        (5, "pay", "compensate", "completed"),
        (6, "book", "compensate", "completed"),
    ]
    assert result.error is not None
    assert (result.error.step, result.error.position) == ("fails", 4)


async def test_the_key_of_a_compensation_differs_from_that_of_its_step(
    undoing: list[tuple[Any, ...]], registry: ActivityRegistry, serve: Any
):
    app = await serve(Workflow("w", ["pay", "fails"]))
    steps = (await (await app.dispatch("w", {})).result(timeout=10)).steps

    assert steps[0].idempotency_key.endswith(":execute")
    assert steps[2].idempotency_key == steps[0].idempotency_key.replace(":execute", ":compensate")


async def test_a_compensation_that_fails_says_where_and_leaves_the_rest_for_a_person(
    undoing: list[tuple[Any, ...]], registry: ActivityRegistry, serve: Any
):
    @registry.execute
    async def ship() -> None: ...

    broken = True

    @registry.compensate("ship", retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    async def unship() -> None:
        if broken:
            raise OSError("the van is gone")

    app = await serve(Workflow("w", ["book", "ship", "fails"]))
    run = await app.dispatch("w", {"n": 1})
    result = await run.result(timeout=10)

    assert (result.status, undoing) == ("compensation_failed", [])
    assert result.error is not None
    assert (result.error.step, result.error.position) == ("ship", 4)
    assert "sold out" in result.error.message
    assert "the van is gone" in result.error.message

    broken = False
    await run.retry()
    result = await run.result(timeout=10)

    assert (result.status, len(undoing)) == ("compensated", 1)


async def test_a_failed_run_is_retried_from_the_step_that_failed(registry: ActivityRegistry, serve: Any):
    fixed = False
    done: list[str] = []

    @registry.execute
    async def once() -> None:
        done.append("once")

    @registry.execute(retry=RetryPolicy(max_attempts=1))
    async def repaired() -> str:
        if not fixed:
            raise RuntimeError("broken")
        return "well"

    app = await serve(Workflow("w", ["once", "repaired"]))
    run = await app.dispatch("w", {})
    assert (await run.result(timeout=10)).status == "failed"
    fixed = True
    await run.retry()
    result = await run.result(timeout=10)

    assert (result.status, result.output, done) == ("completed", "well", ["once"])
    assert result.error is None


async def test_a_run_past_its_deadline_is_cut_short_and_undone(
    undoing: list[tuple[Any, ...]], registry: ActivityRegistry, serve: Any
):
    @registry.execute
    async def endless() -> None:
        await asyncio.sleep(60)

    app = await serve(Workflow("w", ["pay", "endless"]))
    run = await app.dispatch("w", {}, deadline=timedelta(seconds=1))
    result = await run.result(timeout=10)

    assert (result.status, undoing) == ("compensated", [("pay", "paid")])
    assert result.error is not None
    assert result.error.type == "DeadlineExceeded"
