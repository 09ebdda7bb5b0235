"""A long itinerary is kept once as a plan, which a worker reads once, proves, and never executes otherwise."""

from __future__ import annotations

import asyncio
import gc
import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from paigeant import ActivityContext, Revised, RunStatus, Step
from paigeant.engine.dispatcher import DispatchOptions, dispatch
from paigeant.engine.hop.served import ServedSteps
from paigeant.engine.plans import PlanCache
from paigeant.errors import MessageRejected, TamperedMessage
from paigeant.model.hops import Leased
from paigeant.model.plan import Plan
from paigeant.model.plan_text import Itinerary, plan_of
from paigeant.model.runs import CancelRequest, StepStatus, WaitReason
from paigeant.model.stored.claims import Due
from paigeant.stores.memory import MemoryStore
from paigeant.testing.builders import new_message, new_run
from paigeant.testing.waiting import eventually

LONG = 120


def texts(bench: Any) -> dict[str, bytes]:
    return bench.steady._rows.plan_texts


def bodies(bench: Any, run: UUID) -> list[bytes]:
    return [hop.body for _, hop in sorted(bench.steady._rows.hops[run].items())]


async def test_a_long_run_reads_its_plan_once_and_carries_it_no_longer_than_it_must(both: Any):
    @both.registry.execute
    async def step(previous: int | None) -> int:
        return (previous or 0) + 1

    run = await both.start(*["step"] * LONG)
    await both.serve()
    view = await both.until(run, within=60)

    assert (view.status, view.output) == (RunStatus.COMPLETED, LONG)
    assert both.store.calls["load_plan"] == 1
    [digest] = texts(both)
    made = bodies(both, run)
    assert f'"itinerary":{{"plan":"{digest}","offset":7}}'.encode() in made[7]
    assert b'"itinerary":[{"activity":"step"' in made[-1]
    assert max(map(len, made)) < 6000


async def test_a_short_run_travels_whole_and_keeps_no_plan(both: Any):
    @both.registry.execute
    async def step() -> None: ...

    run = await both.start("step", "step")
    await both.serve()
    await both.until(run)

    assert texts(both) == {}
    assert both.store.calls["load_plan"] == 0


async def test_a_run_that_becomes_long_on_its_way_keeps_the_plan_of_its_revision(both: Any):
    @both.registry.execute
    async def first() -> Revised[str]:
        return Revised("more", append=[Step("step")] * LONG)

    @both.registry.execute
    async def step(ctx: ActivityContext) -> int:
        return len(ctx.itinerary)

    run = await both.start("first", "step")
    await both.serve(topics=("first",))
    await eventually(lambda: _is_at(both, run, 2), within=30)
    [digest] = texts(both)
    await both.serve(topics=("step",))
    view = await both.until(run, within=60)

    assert view.status is RunStatus.COMPLETED
    assert [each.output for each in view.steps[1:]] == [*range(LONG, -1, -1)]
    assert len({each.idempotency_key for each in view.steps}) == LONG + 2
    assert list(texts(both)) == [digest]


async def _is_at(bench: Any, run: UUID, position: int) -> bool:
    return len((await bench.view(run)).steps) == position


def lost(texts: dict[str, bytes]) -> None:
    texts.clear()


def other(texts: dict[str, bytes]) -> None:
    [digest] = texts
    texts[digest] = texts[digest].replace(b"step", b"evil", 1)


@pytest.mark.parametrize(("spoil", "reason"), [(lost, "unreadable: the plan"), (other, WaitReason.TAMPERED)])
async def test_without_its_plan_a_hop_is_held_and_never_executed(both: Any, spoil: Any, reason: str):
    ran: list[str] = []

    @both.registry.execute
    async def step() -> None:
        ran.append("step")

    @both.registry.execute
    async def evil() -> None:
        ran.append("evil")

    run = await both.start(*["step"] * LONG)
    whole = dict(texts(both))
    spoil(texts(both))
    await both.serve()
    view = await both.until(run, RunStatus.WAITING, within=30)

    assert str(view.reason).startswith(reason)
    assert view.steps[0].status is StepStatus.WAITING
    assert ran == []

    texts(both).update(whole)
    await both.steady.resume(run)
    assert (await both.until(run, within=60)).status is RunStatus.COMPLETED
    assert ran == ["step"] * LONG


@pytest.mark.parametrize("spoil", [lost, other])
async def test_a_run_without_its_plan_can_be_cancelled(bench: Any, spoil: Any):
    @bench.registry.execute
    async def step() -> None: ...

    run = await bench.start(*["step"] * LONG)
    spoil(texts(bench))
    await bench.serve()
    await bench.until(run, RunStatus.WAITING, within=30)

    await bench.steady.request_cancel(run, CancelRequest.PLAIN)

    assert (await bench.until(run, within=30)).status is RunStatus.CANCELLED


async def test_a_store_that_is_away_costs_no_attempt(bench: Any):
    @bench.registry.execute
    async def step(ctx: ActivityContext) -> int:
        return ctx.attempt

    bench.store.fate = lambda name, n: "away" if name == "load_plan" and n <= 3 else None
    run = await bench.start(*["step"] * LONG)
    await bench.serve()
    view = await bench.until(run, within=60)

    assert bench.store.failed["load_plan"] == 3
    assert {step.output for step in view.steps} == {1}


async def test_a_worker_that_stops_gives_back_what_it_has_no_plan_for(bench: Any):
    @bench.registry.execute
    async def step(ctx: ActivityContext) -> int:
        return ctx.attempt

    bench.store.fate = lambda name, n: "away" if name == "load_plan" else None
    run = await bench.start(*["step"] * LONG)
    async with bench.worker():
        await eventually(lambda: _asked(bench), within=20)

    [hop] = (await bench.view(run)).steps
    assert (hop.status, hop.attempt) == (StepStatus.PENDING, 0)
    bench.store.fate = lambda _, __: None
    await bench.serve()
    assert (await bench.until(run, within=60)).steps[0].output == 1


async def test_a_worker_that_stops_without_the_plan_does_not_forget_that_the_step_had_begun(bench: Any):
    ran = []

    @bench.registry.execute(on_interrupt="park")
    async def step() -> None:
        ran.append(1)

    bench.store.fate = lambda name, n: "away" if name == "load_plan" else None
    run = await bench.start(*["step"] * LONG)
    await bench.steady.claim("dead", Due(["step"]), 1, timedelta())
    async with bench.worker():
        await eventually(lambda: _asked(bench), within=20)
    bench.store.fate = lambda _, __: None
    await bench.serve()

    view = await bench.until(run, RunStatus.WAITING, RunStatus.COMPLETED, within=60)
    assert (view.reason, ran) == (WaitReason.INTERRUPTED, [])


async def _asked(bench: Any) -> bool:
    return bench.store.failed["load_plan"] > 0


async def test_what_is_dispatched_often_is_written_once(bench: Any):
    @bench.registry.execute
    async def step() -> None: ...

    runtime, plan = bench.runtime(), Plan(name="w", itinerary=(Step("step"),) * LONG)
    starts: list[Any] = []
    record = bench.steady.record_workflow_start
    bench.steady.record_workflow_start = lambda some: (starts.extend(some), record(some))[1]
    runtime = replace(runtime, store=bench.steady)

    await asyncio.gather(*(dispatch(runtime, plan, [b"1"] * 3, DispatchOptions()) for _ in range(10)))

    assert len(starts) == 30
    assert len({id(start.plan.json) for start in starts}) == 1
    assert list(texts(bench)) == [starts[0].plan.sha256]


async def test_a_plan_that_was_not_kept_is_read_again():
    store, cache = MemoryStore(), PlanCache(kept_bytes=1)
    plans = [plan_of([Step(name)] * LONG) for name in ("draft", "review")]
    await store.record_workflow_start([new_run("draft", plan=plan.blob) for plan in plans])

    first = [await cache.load(store, plan.digest) for plan in plans]
    assert [cache.find(plan.digest) for plan in plans] == [None, first[1]]
    assert [plan.entries for plan in first] == [plan.entries for plan in plans]
    assert await cache.load(store, plans[0].digest) is not first[0]


@pytest.mark.parametrize("text", [b"[", b'[{"activity":"a","unheard_of":1}]', b'[{"activity":"a"}]' * 2, b"[1e999]"])
async def test_a_plan_that_this_version_cannot_read_is_said_to_be_unreadable(text: bytes):
    digest, store = hashlib.sha256(text).hexdigest(), MemoryStore()
    store._rows.plan_texts[digest] = text

    with pytest.raises(MessageRejected, match="cannot be read here") as raised:
        await PlanCache().load(store, digest)
    assert not isinstance(raised.value, TamperedMessage)


def test_what_there_is_for_a_step_is_made_once_a_plan_and_place(bench: Any, monkeypatch: pytest.MonkeyPatch):
    @bench.registry.execute
    async def step(number: int, other: int = 0) -> None: ...

    made: list[Any] = []
    make = ServedSteps._make
    monkeypatch.setattr(ServedSteps, "_make", lambda self, *given: (made.append(given), make(self, *given))[1])
    served = ServedSteps(bench.registry)

    def find_all(places: tuple[int, ...]) -> list[Any]:
        message = new_message(*[Step("step", {"number": 1})] * 3)
        slip, run = message.routing_slip, message.headers.workflow_id
        slips = [replace(slip, itinerary=Itinerary(slip.itinerary.plan, run, at=at)) for at in places]
        grant: Any = None
        return [served.find(Leased(grant, replace(message, routing_slip=slip))) for slip in slips]

    found = find_all((0, 1, 0, 1))

    assert len(made) == 2
    assert found[0] is found[2]
    assert found[0].wanted == ("other",)
    made.clear()
    gc.collect()
    assert len(served._known) == 0, "kept longer than the plan"
