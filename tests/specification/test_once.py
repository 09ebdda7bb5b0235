"""A step that parks when it is interrupted runs at most once, and one that waits for its turn loses nothing by it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from paigeant import ActivityRegistry, OnInterrupt, RetryPolicy, RunStatus, Workflow
from paigeant.model.runs import WaitReason
from paigeant.testing.waiting import eventually


async def waiting(run: Any) -> Any:
    async def view() -> Any:
        seen = await run.view()
        return seen if seen.status is RunStatus.WAITING else None

    return await eventually(view)


async def test_a_step_at_most_once_that_times_out_waits_for_a_person(registry: ActivityRegistry, serve: Any):
    begun: list[int] = []

    @registry.execute(on_interrupt="park", timeout=0.1)
    async def transfer() -> None:
        begun.append(1)
        await asyncio.sleep(60)

    app = await serve(Workflow("pay", ["transfer"]))
    view = await waiting(await app.dispatch("pay", None))

    assert (view.reason, begun) == (WaitReason.INTERRUPTED, [1])


async def test_a_step_at_most_once_that_fails_is_not_tried_again(registry: ActivityRegistry, serve: Any):
    begun: list[int] = []

    @registry.execute(on_interrupt=OnInterrupt.PARK)
    async def transfer() -> None:
        begun.append(1)
        raise OSError("the bank hung up")

    app = await serve(Workflow("pay", ["transfer"]))
    result = await (await app.dispatch("pay", None)).result(timeout=10)

    assert (result.status, begun) == (RunStatus.FAILED, [1])


async def test_a_policy_of_its_own_says_otherwise(registry: ActivityRegistry, serve: Any):
    begun: list[int] = []

    @registry.execute(on_interrupt="park", retry=RetryPolicy(max_attempts=2, initial_delay=0))
    async def transfer() -> str:
        begun.append(1)
        if len(begun) < 2:
            raise OSError("the bank hung up")
        return "sent"

    app = await serve(Workflow("pay", ["transfer"]))

    assert (await (await app.dispatch("pay", None)).result(timeout=10)).output == "sent"


async def test_a_step_that_blocks_the_event_loop_costs_the_others_nothing(
    registry: ActivityRegistry, settings: Any, serve: Any
):
    if settings.store.startswith("memory"):
        return  # there, what would renew the leases is blocked as well

    @registry.execute
    async def block() -> None:
        time.sleep(3)  # noqa: ASYNC251  (longer than the lease, on purpose)

    @registry.execute(on_interrupt="park")
    async def quick(payload: int) -> int:
        return payload

    app = await serve(Workflow("rude", ["block"]), Workflow("polite", ["quick"]), worker=False)
    runs = [await app.dispatch("rude", None), *await app.dispatch_many("polite", range(10))]
    async with app.worker():
        results = [await run.result(timeout=20) for run in runs]

    assert [result.status for result in results] == [RunStatus.COMPLETED] * 11
    assert {step.attempt for result in results for step in result.steps} == {1}
