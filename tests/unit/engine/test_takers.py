"""A run that is dispatched where it is executed is handed over at once, and nothing is lost where that goes wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from paigeant.engine.dispatcher import DispatchOptions, dispatch
from paigeant.engine.worker import ActivityWorker, WorkerOptions
from paigeant.errors import Unavailable
from paigeant.model.entries.entry import FLOW
from paigeant.model.entries.parallel import Parallel
from paigeant.model.entries.step import OnInterrupt, Step
from paigeant.model.plan import Plan
from paigeant.model.runs import RunStatus, StepStatus
from paigeant.testing.waiting import eventually

PLAN = Plan(name="w", itinerary=(Step("step", on_interrupt=OnInterrupt.PARK), Step("step")))


class Here:
    """A worker, and what dispatches in the same process."""

    def __init__(self, bench: Any, **options: Any) -> None:
        self.bench = bench
        self.runtime = bench.runtime()
        self.began: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()

        @bench.registry.execute
        async def step() -> int:
            self.began.append(1)
            await self.gate.wait()
            return 1

        self.worker = ActivityWorker(self.runtime, WorkerOptions(("step",), **options))

    async def dispatch(self, count: int = 1) -> list[Any]:
        """Dispatch as another part of the process, which has a name of its own."""
        client = replace(self.runtime, owner="a client")
        return [one.workflow_id for one in await dispatch(client, PLAN, [b"null"] * count, DispatchOptions())]

    async def until_idle(self) -> None:
        """Return once the worker has seen that nothing is due."""

        async def ask() -> bool:
            return bool(self.bench.store.calls["wait_until_due"])

        assert await eventually(ask)


@pytest.fixture
async def here(bench: Any) -> Here:
    return Here(bench, concurrency=2)


async def test_a_run_that_is_dispatched_beside_an_idle_worker_is_never_looked_for(here: Here, bench: Any):
    async with here.worker:
        await here.until_idle()
        claims = bench.store.calls["claim Due"]

        [run] = await here.dispatch()
        view = await bench.until(run, RunStatus.COMPLETED)

        assert bench.store.calls["claim Due"] == claims
        assert [(step.attempt, step.worker) for step in view.steps] == [(1, here.runtime.owner)] * 2


async def test_a_run_that_begins_with_a_node_is_handed_over_as_well(here: Here, bench: Any):
    plan = Plan(name="w", itinerary=(Parallel(a="step", b="step"),))
    async with here.worker:
        assert await eventually(lambda: asyncio.sleep(0, bench.store.calls["wait_until_due"] >= 2))

        [started] = await dispatch(here.runtime, plan, [b"null"], DispatchOptions())
        await bench.until(started.workflow_id, RunStatus.COMPLETED)

    assert started.handed_over is not None
    assert started.handed_over.topic == FLOW


async def test_no_more_are_handed_over_than_there_are_free_slots(here: Here, bench: Any):
    here.gate.clear()
    async with here.worker:
        await here.until_idle()

        runs = await here.dispatch(5)

        assert await eventually(lambda: asyncio.sleep(0, len(here.began) == 2))
        statuses = [(await bench.view(run)).steps[0].status for run in runs]
        assert statuses == [StepStatus.RUNNING] * 2 + [StepStatus.PENDING] * 3
        here.gate.set()
        for run in runs:
            await bench.until(run, RunStatus.COMPLETED)


async def test_what_is_due_before_is_not_overtaken(here: Here, bench: Any):
    """A worker with free slots that has not seen all that is due is offered nothing."""
    older = await here.dispatch(3)
    assert here.runtime.takers.reserve("step", 1) is None

    async with here.worker:
        for run in older:
            await bench.until(run, RunStatus.COMPLETED)


async def test_a_worker_that_stops_is_offered_nothing(here: Here, bench: Any):
    async with here.worker:
        await here.until_idle()
        here.worker.stop()
        [run] = await here.dispatch()

    assert (await bench.view(run)).steps[0].status is StepStatus.PENDING
    [run] = await here.dispatch()
    assert (await bench.view(run)).steps[0].status is StepStatus.PENDING


async def test_a_first_step_whose_answer_was_lost_has_not_begun(here: Here, bench: Any):
    """The dispatch fails, and nobody knows the run: the lease on it must not run out as if its step had begun."""
    bench.store.fate = lambda name, count: "lost" if name == "record_workflow_start" and count == 1 else None
    async with here.worker:
        await here.until_idle()

        with pytest.raises(Unavailable):
            await here.dispatch()

        async def ask() -> Any:
            [summary] = (await bench.steady.list_runs()).runs
            return summary.status is RunStatus.COMPLETED and summary.workflow_id

        view = await bench.view(await eventually(ask))
        assert [step.attempt for step in view.steps] == [1, 1]


async def test_a_first_step_whose_dispatcher_is_cancelled_has_not_begun(here: Here, bench: Any, monkeypatch: Any):
    entered, go = asyncio.Event(), asyncio.Event()
    record = type(bench.steady).record_workflow_start

    async def slowly(self: Any, starts: Any) -> Any:
        answer = await record(self, starts)
        entered.set()
        await go.wait()
        return answer

    async with here.worker:
        await here.until_idle()
        monkeypatch.setattr(type(bench.steady), "record_workflow_start", slowly)
        dispatching = asyncio.create_task(here.dispatch())
        await entered.wait()
        dispatching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dispatching
        go.set()

        async def ask() -> Any:
            [summary] = (await bench.steady.list_runs()).runs
            return summary.status is RunStatus.COMPLETED and summary.workflow_id

        view = await bench.view(await eventually(ask))
        assert [step.attempt for step in view.steps] == [1, 1]
        assert here.worker.slots.free == 2
