"""A step is cut short when its lease is lost or its run is to be cancelled, and its compensation is not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from paigeant import (
    ActivityContext,
    ActivityRegistry,
    Paigeant,
    RetryPolicy,
    RunStatus,
    SubWorkflow,
    Terminal,
    Workflow,
)
from paigeant.config import Settings
from paigeant.model.events import LeaseLost
from paigeant.model.hops import LeaseToken, Pulse
from paigeant.model.message import HopKey
from paigeant.model.runs import CancelRequest, Direction
from paigeant.model.stored.claims import Announced, Due
from paigeant.model.tree.children import Family
from paigeant.stores.memory import MemoryStore
from paigeant.testing.waiting import eventually


async def test_a_wish_to_cancel_does_not_cut_the_undoing_short(both: Any):
    bench = both
    bench.lease = timedelta(seconds=0.3)
    undoing, go, undone = asyncio.Event(), asyncio.Event(), []

    @bench.registry.execute
    async def pay() -> None: ...

    @bench.registry.compensate("pay")
    async def refund() -> None:
        undoing.set()
        await go.wait()
        undone.append("pay")

    @bench.registry.execute
    async def fails() -> None:
        raise Terminal("no")

    await bench.serve()
    run = await bench.start("pay", "fails")
    async with asyncio.timeout(10):
        await undoing.wait()
    await bench.steady.request_cancel(run, CancelRequest.PLAIN)
    beats = bench.store.calls["beat"]

    async def has_beaten() -> bool:
        return bench.store.calls["beat"] >= beats + 3

    await eventually(has_beaten)
    go.set()

    view = await bench.until(run)
    assert (view.status, undone) == (RunStatus.COMPENSATED, ["pay"])


async def test_a_node_ends_as_its_child_did_when_a_cancel_request_comes_while_that_is_read(
    monkeypatch: pytest.MonkeyPatch,
):
    """It was cut short as a step is, and its run ended ``cancelled`` though its child had been undone."""
    registry, begun, beaten = ActivityRegistry(), asyncio.Event(), asyncio.Event()

    @registry.execute
    async def charge() -> str:
        return "charged"

    @registry.compensate("charge")
    async def refund() -> None: ...

    @registry.execute
    async def forever() -> None:
        begun.set()
        await asyncio.sleep(600)

    trip = Workflow("trip", [SubWorkflow("billing")])
    workflows = [Workflow("billing", ["charge", "forever"]), trip]
    settings = Settings(store="memory://", transport="memory://", lease=0.6)
    load_family, beat = MemoryStore.load_family, MemoryStore.beat

    async def slowly(store: MemoryStore, node: HopKey) -> Family:
        family = await load_family(store, node)
        if family.child is not None and family.child.ended:
            await beaten.wait()
        return family

    async def heard(store: MemoryStore, held: Sequence[LeaseToken], *given: Any) -> list[Pulse]:
        pulses = await beat(store, held, *given)
        if any(pulse.cancel for pulse in pulses) and (await run.view()).children[0].ended:
            asyncio.get_running_loop().call_later(0.05, beaten.set)
        return pulses

    monkeypatch.setattr(MemoryStore, "load_family", slowly)
    monkeypatch.setattr(MemoryStore, "beat", heard)
    async with Paigeant(registry, workflows=workflows, settings=settings) as app, app.worker():
        run = await app.dispatch("trip", {})
        async with asyncio.timeout(10):
            await begun.wait()
        await run.cancel(compensate=True)
        assert (await run.result(timeout=10)).status == "compensated"
    assert beaten.is_set()


async def test_a_step_in_doubt_is_undone_when_its_run_is_cancelled_in_the_middle_and_not_before(both: Any):
    bench = both
    bench.lease = timedelta(seconds=0.3)
    begun, unknown = asyncio.Event(), []

    @bench.registry.execute
    async def pay() -> None:
        begun.set()
        await asyncio.sleep(60)

    @bench.registry.compensate("pay", unknown=True)
    async def refund(ctx: ActivityContext) -> None:
        unknown.append(ctx.unknown)

    waiting, running = await bench.start("pay"), await bench.start("pay")
    await bench.steady.request_cancel(waiting, CancelRequest.COMPENSATE)
    await bench.serve()
    async with asyncio.timeout(10):
        await begun.wait()
    await bench.steady.request_cancel(running, CancelRequest.COMPENSATE)

    assert (await bench.until(waiting)).status is RunStatus.CANCELLED
    assert (await bench.until(running)).status is RunStatus.COMPENSATED
    assert unknown == [True]


async def test_code_that_swallows_its_cancellation_harms_no_later_hop(both: Any):
    """Without an answer to its beats the lease is given up, but still good when the step ends all the same."""
    bench = both
    bench.lease = timedelta(seconds=1.5)
    swallowed = asyncio.Event()

    @bench.registry.execute
    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            swallowed.set()
        return "done"

    @bench.registry.execute(retry=RetryPolicy(max_attempts=1))
    async def inner() -> str:
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await task
        return "never"

    bench.store.fate = lambda name, _: "away" if name == "beat" else None
    await bench.serve()
    run = await bench.start("stubborn", "inner")

    view = await bench.until(run)
    assert swallowed.is_set()
    assert view.steps[0].attempt == 1
    assert view.error is not None
    assert "cancelled from inside" in view.error.message


async def test_a_beat_that_fails_in_any_way_is_followed_by_others(bench: Any, monkeypatch: Any):
    bench.lease = timedelta(seconds=0.3)
    beats, enough = [], asyncio.Event()
    beat = bench.steady.beat

    async def break_once(held: Any, *more: Any) -> Any:
        beats.append(held)
        if len(beats) == 1:
            raise ZeroDivisionError
        if len(beats) == 4:
            enough.set()
        return await beat(held, *more)

    monkeypatch.setattr(bench.store, "beat", break_once)

    @bench.registry.execute(on_interrupt="park")
    async def step() -> str:
        async with asyncio.timeout(5):
            await enough.wait()
        return "done"

    await bench.serve()

    assert (await bench.until(await bench.start("step"))).output == "done"


@pytest.fixture
def late(both: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The bench with leases of 0.3 s that are answered after they have run out: a step blocks the event loop."""
    bench = both
    bench.lease = timedelta(seconds=0.3)

    async def slowly(owner: str, what: Any, *more: Any) -> Any:
        grants = await bench.steady.claim(owner, what, *more)
        await asyncio.sleep(0.35 if grants and isinstance(what, Due | Announced) else 0)
        return grants

    monkeypatch.setattr(bench.store, "claim", slowly)
    return bench


async def test_a_lease_answered_too_late_is_renewed_before_its_step_begins(late: Any):
    @late.registry.execute(on_interrupt="park")
    async def step() -> str:
        return "done"

    await late.serve()
    view = await late.until(await late.start("step"))

    assert (view.output, view.steps[0].attempt) == ("done", 1)


async def test_a_lease_answered_too_late_is_given_up_if_it_cannot_be_renewed(late: Any):
    begun: list[int] = []

    @late.registry.execute(on_interrupt="park")
    async def step() -> None:
        begun.append(1)

    async def has_failed() -> bool:
        return "taking in steps: beat is away" in late.hooks.troubles()

    late.store.fate = lambda name, _: "away" if name == "beat" else None
    worker = await late.serve()
    await late.start("step")
    await eventually(has_failed)

    assert begun == []
    worker.stop()
    await eventually(lambda: asyncio.sleep(0, worker._slots._free == 32))


@pytest.mark.parametrize("ended", ["terminated", "taken over"])
async def test_a_step_that_is_not_ours_any_more_is_cancelled(both: Any, ended: str):
    bench = both
    bench.lease = timedelta(seconds=1)
    begun, cancelled = asyncio.Event(), asyncio.Event()

    @bench.registry.execute
    async def step(ctx: ActivityContext) -> str:
        if ctx.attempt > 1:
            return "again"
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return "never"

    await bench.serve()
    run = await bench.start("step")
    async with asyncio.timeout(10):
        await begun.wait()
        if ended == "terminated":
            await bench.steady.terminate(run)
        else:
            bench.store.fate = lambda name, _: "away" if name == "beat" else None
        await cancelled.wait()

    view = await bench.until(run, within=20)
    assert view.status is (RunStatus.TERMINATED if ended == "terminated" else RunStatus.COMPLETED)
    lost = lambda: any(isinstance(event, LeaseLost) for event in bench.hooks.events)  # noqa: E731
    assert await eventually(lambda: asyncio.sleep(0, lost()))


async def test_a_compensation_that_is_not_here_is_held_and_taken_up_by_a_worker_that_has_it(
    bench: Any, monkeypatch: Any
):
    monkeypatch.setattr(import_module("paigeant.routing.admit"), "MISMATCH_BACKOFF", timedelta(seconds=0.05))
    undone = []

    @bench.registry.execute
    async def pay() -> None: ...

    @bench.registry.compensate("pay")
    async def refund() -> None:
        undone.append("pay")

    @bench.registry.execute
    async def fails() -> None:
        deployed.update(bench.registry._compensations)
        bench.registry._compensations.clear()
        raise Terminal("no")

    deployed: dict[str, Any] = {}
    await bench.serve()
    run = await bench.start("pay", "fails")

    view = await bench.until(run, RunStatus.WAITING)
    assert "contract: activity 'pay' has no compensation here" in (view.reason or "")
    bench.registry._compensations.update(deployed)

    view = await bench.until(run)
    assert (view.status, undone) == (RunStatus.COMPENSATED, ["pay"])
    [step] = [step for step in view.steps if step.direction is Direction.COMPENSATE]
    assert step.attempt == 1
