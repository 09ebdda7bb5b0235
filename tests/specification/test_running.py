"""A workflow's steps run one after the other, and each finds what it needs by name."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel

from paigeant import ActivityContext, ActivityRegistry, Completed, Finished, Revised, RunFailed, Step, Workflow


class Colour(Enum):
    RED = "red"


class AmqpConnection(BaseModel):
    price: Decimal
    colour: Colour


@dataclass
class Order:
    id: int
    at: datetime
    lines: list[AmqpConnection]
    raw: bytes = b""


async def test_the_output_of_the_last_step_is_the_output_of_the_run(registry: ActivityRegistry, serve: Any):
    @registry.execute
    async def double(n: int) -> int:
        return n * 2

    @registry.execute
    async def describe(double: int) -> str:
        return f"twice is {double}"

    app = await serve(Workflow("w", ["double", "describe"]))
    result = await (await app.dispatch("w", {"n": 21})).result(timeout=10)

    assert (result.status, result.output) == ("completed", "twice is 42")
    assert result.variables == {"double": 42, "describe": "twice is 42"}
    assert [(s.position, s.step, s.status, s.attempt) for s in result.steps] == [
        (1, "double", "completed", 1),
        (2, "describe", "completed", 1),
    ]


async def test_arguments_come_from_the_step_then_reserved_names_then_variables_then_the_input(
    registry: ActivityRegistry, serve: Any
):
    @registry.execute
    async def first() -> Completed[str]:
        return Completed("one", variables={"b": "set", "c": "set"})

    @registry.execute
    async def second(a: str, b: str, c: str, payload: dict[str, str], previous: str, d: str | None = "default") -> Any:
        return [a, b, c, payload["c"], previous, d]

    app = await serve(Workflow("w", ["first", Step("second", {"a": "given", "d": None})]))
    result = await (await app.dispatch("w", {"a": "input", "c": "input"})).result(timeout=10)

    assert result.output == ["given", "set", "set", "input", "one", None]


async def test_rich_types_survive_the_way_through_json(registry: ActivityRegistry, serve: Any):
    order = Order(
        7, datetime(2026, 11, 24, tzinfo=UTC), [AmqpConnection(price=Decimal("1.10"), colour=Colour.RED)], b"\xff\x00"
    )

    @registry.execute
    async def make() -> Order:
        return order

    @registry.execute
    async def same(make: Order) -> bool:
        return make == order

    app = await serve(Workflow("w", ["make", "same"]))

    assert (await (await app.dispatch("w", None)).result(timeout=10)).output is True


async def test_a_large_value_travels_as_a_claim_check_and_arrives_whole(registry: ActivityRegistry, serve: Any):
    @registry.execute
    async def grow(text: str) -> str:
        return text * 2

    @registry.execute
    async def measure(text: str, previous: str, grow: str) -> list[int]:
        return [len(text), len(previous), len(grow)]

    app = await serve(Workflow("w", ["grow", "measure"]))
    result = await (await app.dispatch("w", {"text": "ü" * 300_000})).result(timeout=20)

    assert result.output == [300_000, 600_000, 600_000]
    assert len(result.variables["grow"]) == 600_000


async def test_a_sync_function_runs_in_a_thread_and_does_not_hold_up_others(registry: ActivityRegistry, serve: Any):
    together = threading.Barrier(2, timeout=5)

    @registry.execute
    def meet() -> str:
        together.wait()
        return threading.current_thread().name

    app = await serve(Workflow("w", ["meet"]))
    runs = await app.dispatch_many("w", [None, None])
    results = [await run.result(timeout=10) for run in runs]

    assert all("MainThread" not in result.output for result in results)


async def test_the_context_tells_which_step_it_is(registry: ActivityRegistry, serve: Any):
    seen: list[ActivityContext] = []

    @registry.execute
    async def look(ctx: ActivityContext) -> None:
        seen.append(ctx)

    app = await serve(Workflow("w", ["look", "look"]))
    run = await app.dispatch("w", {})
    await run.result(timeout=10)

    assert [ctx.position for ctx in seen] == [1, 2]
    assert {ctx.workflow_id for ctx in seen} == {run.workflow_id}
    assert len({ctx.idempotency_key for ctx in seen}) == 2
    assert [len(ctx.itinerary) for ctx in seen] == [1, 0]


async def test_concurrency_bounds_an_activity_in_a_worker(registry: ActivityRegistry, serve: Any):
    running, most = 0, 0
    both = asyncio.Event()

    @registry.execute(concurrency=2)
    async def narrow() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            both.set()
        await both.wait()
        await asyncio.sleep(0.02)
        running -= 1

    @registry.execute
    async def wide() -> None: ...

    app = await serve(Workflow("w", ["wide", "narrow", "wide"]))
    runs = await app.dispatch_many("w", [None] * 12)
    results = [await run.result(timeout=20) for run in runs]

    assert {result.status for result in results} == {"completed"}
    assert most == 2


async def test_a_step_may_change_the_way_ahead(registry: ActivityRegistry, serve: Any):
    @registry.execute
    async def plan(ctx: ActivityContext) -> Revised[str]:
        return Revised("planned", insert=[Step("note", {"text": "x"})], append=[Step("note", {"text": "z"})])

    @registry.execute
    async def note(text: str = "y") -> str:
        return text

    app = await serve(Workflow("w", ["plan", "note"]))
    result = await (await app.dispatch("w", {})).result(timeout=10)

    assert [step.output for step in result.steps] == ["planned", "x", "y", "z"]
    assert len({step.idempotency_key for step in result.steps}) == 4


async def test_a_step_may_finish_the_run_early(registry: ActivityRegistry, serve: Any):
    @registry.execute
    async def enough() -> Finished[str]:
        return Finished("nothing to do")

    @registry.execute
    async def never() -> None:
        raise AssertionError

    app = await serve(Workflow("w", ["enough", "never"]))
    result = await (await app.dispatch("w", {})).result(timeout=10)

    assert (result.status, result.output, len(result.steps)) == ("completed", "nothing to do", 1)


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [({}, "'order_id' is missing"), ({"order_id": "many"}, "'order_id' is invalid")],
)
async def test_an_argument_that_cannot_be_bound_ends_the_run_without_a_retry(
    payload: Any, complaint: str, registry: ActivityRegistry, serve: Any
):
    @registry.execute
    async def first() -> None: ...

    @registry.execute
    async def needs(order_id: int) -> None: ...

    app = await serve(Workflow("w", ["first", "needs"]))
    result = await (await app.dispatch("w", payload)).result(timeout=10)

    assert (result.status, result.steps[-1].attempt) == ("failed", 1)
    assert result.error is not None
    assert complaint in result.error.message
    assert result.error.step == "needs"


async def test_a_result_that_is_no_json_ends_the_run_and_names_step_and_type(registry: ActivityRegistry, serve: Any):
    class Socket: ...

    @registry.execute
    async def opens() -> Any:
        return Socket()

    app = await serve(Workflow("w", ["opens"]))
    result = await (await app.dispatch("w", {})).result(timeout=10)

    assert result.status == "failed"
    assert result.error is not None
    assert "'opens'" in result.error.message
    assert "Socket" in result.error.message
    with pytest.raises(RunFailed, match="'opens'"):
        _ = result.output
