"""A worker stops in time, whatever its steps do; what has not begun goes back as it was, and at most once holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from paigeant import RunStatus
from paigeant.engine import worker as module
from paigeant.engine.hop import apart
from paigeant.model.events import WorkerStopped
from paigeant.model.plan import Undo
from paigeant.model.runs import CancelRequest, WaitReason
from paigeant.model.stored.claims import Due, Overdue
from paigeant.testing.builders import completed
from paigeant.testing.waiting import eventually


async def test_steps_that_end_within_the_grace_period_are_committed(both: Any):
    begun, go = asyncio.Event(), asyncio.Event()

    @both.registry.execute
    async def step() -> str:
        begun.set()
        await go.wait()
        return "done"

    run = await both.start("step", "step")
    async with both.worker(grace=timedelta(seconds=10)) as worker:
        async with asyncio.timeout(10):
            await begun.wait()
        worker.stop()
        go.set()

    view = await both.view(run)
    assert [(step.status, step.output) for step in view.steps] == [("completed", "done"), ("pending", None)]
    assert view.steps[1].attempt == 0
    await both.serve()
    assert (await both.until(run)).output == "done"


async def test_a_worker_that_drains_ends_what_it_holds_beyond_its_grace_and_takes_in_nothing_more(both: Any):
    begun, go = asyncio.Event(), asyncio.Event()

    @both.registry.execute
    async def step() -> str:
        begun.set()
        await go.wait()
        return "done"

    run = await both.start("step", "step")
    async with both.worker(grace=timedelta()) as worker:
        async with asyncio.timeout(10):
            await begun.wait()
            await both.steady.drain_worker(worker.id)
            await worker.stopped()
            later = await both.start("step")
            drained = asyncio.create_task(worker.drained())
            await asyncio.sleep(0.05)
            assert not drained.done()
            go.set()
            await drained

    view = await both.view(run)
    assert [(step.status, step.output) for step in view.steps] == [("completed", "done"), ("pending", None)]
    assert (await both.view(later)).status is RunStatus.PENDING
    assert await both.steady.list_workers() == []


@pytest.mark.parametrize("rule", ["rerun", "park", "compensate"])
async def test_a_step_cut_off_by_the_stop_is_released_or_parked_or_given_up_as_it_asked(both: Any, rule: str):
    begun = asyncio.Event()

    @both.registry.execute(on_interrupt=rule)
    async def step() -> None:
        begun.set()
        await asyncio.sleep(60)

    run = await both.start("step")
    async with both.worker(grace=timedelta()):
        async with asyncio.timeout(10):
            await begun.wait()

    view = await both.view(run)
    [step_view] = view.steps
    if rule == "rerun":
        assert (step_view.status, step_view.attempt, step_view.errors) == ("pending", 0, ())
    elif rule == "park":
        assert (view.status, view.reason) == (RunStatus.WAITING, WaitReason.INTERRUPTED)
    else:
        assert view.status is RunStatus.FAILED
        assert "began and was interrupted" in (view.error.message if view.error else "")


@pytest.mark.parametrize("rule", ["park", "compensate"])
async def test_at_most_once_holds_though_who_takes_it_over_is_stopping(bench: Any, monkeypatch: Any, rule: str):
    """The lease that a stopping worker gets says that the step was begun before; giving it back would forget that."""
    ran = []

    @bench.registry.execute(on_interrupt=rule)
    async def step() -> None:
        ran.append(1)

    run = await bench.start("step")
    await bench.steady.claim("dead", Due(["step"]), 1, timedelta())
    claim = bench.steady.claim
    worker = bench.worker()

    async def stop_meanwhile(*words: Any) -> Any:
        worker.stop()
        return await claim(*words)

    monkeypatch.setattr(bench.store, "claim", by_kind(bench, {Due: stop_meanwhile}))
    async with worker:
        await worker.stopped()
    monkeypatch.undo()
    await bench.serve()

    view = await bench.until(run, RunStatus.WAITING, RunStatus.FAILED)
    assert (view.status, ran) == (RunStatus.WAITING if rule == "park" else RunStatus.FAILED, [])


async def test_a_wish_to_cancel_counts_though_who_hears_of_it_is_stopping(bench: Any, monkeypatch: Any):
    """As without the stop: a plain cancel undoes nothing, whatever the step asks for when it is interrupted."""
    undone = []

    @bench.registry.execute
    async def pay() -> None: ...

    @bench.registry.compensate("pay")
    async def refund() -> None:
        undone.append(1)

    @bench.registry.execute(on_interrupt="compensate")
    async def step() -> None: ...

    run = await bench.start("pay", "step")
    [grant] = await bench.steady.claim("dead", Due(["pay"]), 1, bench.lease)
    await bench.steady.record_step_result([completed(grant, undo=Undo.COMPLETED)], bench.lease)
    await bench.steady.claim("dead", Due(["step"]), 1, timedelta())
    await bench.steady.request_cancel(run, CancelRequest.PLAIN)
    claim = bench.steady.claim
    worker = bench.worker()

    async def stop_meanwhile(*words: Any) -> Any:
        worker.stop()
        return await claim(*words)

    monkeypatch.setattr(bench.store, "claim", by_kind(bench, {Due: stop_meanwhile, Overdue: nothing}))
    async with worker:
        await worker.stopped()

    assert ((await bench.view(run)).status, undone) == (RunStatus.CANCELLED, [])


def by_kind(bench: Any, answers: dict[type, Callable[..., Awaitable[Any]]]) -> Callable[..., Awaitable[Any]]:
    """Return a ``claim`` that is answered by the kind of what is claimed, and otherwise by the store."""

    async def claim(owner: str, what: Any, *more: Any) -> Any:
        answer = answers.get(type(what)) or bench.steady.claim
        return await answer(owner, what, *more)

    return claim


async def nothing(*_: Any) -> list[Any]:
    return []


async def test_what_is_leased_and_has_not_begun_goes_back_as_it_was(bench: Any, monkeypatch: Any):
    @bench.registry.execute(on_interrupt="park")
    async def step() -> str:
        return "done"

    run = await bench.start("step")
    claim = bench.steady.claim
    worker = bench.worker()

    async def stop_meanwhile(*words: Any) -> Any:
        worker.stop()
        return await claim(*words)

    monkeypatch.setattr(bench.store, "claim", by_kind(bench, {Due: stop_meanwhile}))
    async with worker:
        await worker.stopped()
    monkeypatch.undo()

    [view] = (await bench.view(run)).steps
    assert (view.status, view.attempt) == ("pending", 0)
    await bench.serve()
    assert (await bench.until(run)).output == "done"


async def test_code_that_swallows_every_cancellation_does_not_hold_up_the_stop(
    bench: Any, monkeypatch: Any, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(module, "LAST_MOMENT", 0.2)
    monkeypatch.setattr(apart, "MOMENT", 0.05)  # shorter than the last moment, as by default
    begun, go = asyncio.Event(), asyncio.Event()

    @bench.registry.execute
    async def stubborn() -> None:
        begun.set()
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue

    await bench.start("stubborn")
    async with asyncio.timeout(10):
        async with bench.worker(grace=timedelta()):
            await begun.wait()

    assert "step 'stubborn' swallowed its cancellation, and was ended by force" in caplog.text
    go.set()
    await eventually(_no_journeys)


async def _no_journeys() -> bool:
    return all(":1" not in task.get_name() for task in asyncio.all_tasks())


async def test_a_store_that_does_not_answer_does_not_hold_up_the_stop(bench: Any, monkeypatch: Any):
    monkeypatch.setattr(module, "LAST_MOMENT", 0.2)
    asked = asyncio.Event()

    async def hang(*_: Any) -> Any:
        asked.set()
        await asyncio.sleep(60)

    @bench.registry.execute
    async def step() -> None: ...

    monkeypatch.setattr(bench.store, "claim", by_kind(bench, {Due: hang}))
    async with asyncio.timeout(5):
        async with bench.worker():
            await asked.wait()


async def test_whoever_is_cancelled_while_leaving_a_worker_leaves_no_task_behind(both: Any):
    bench, begun = both, asyncio.Event()

    @bench.registry.execute
    async def step() -> None:
        begun.set()
        await asyncio.sleep(60)

    async def work() -> None:
        async with bench.worker(grace=timedelta(seconds=60)) as worker:
            await worker.stopped()

    before = asyncio.all_tasks()
    await bench.start("step")
    working = asyncio.create_task(work())
    async with asyncio.timeout(10):
        await begun.wait()
    working.cancel()

    async def is_draining() -> bool:
        return bench.workers[0]._stop.is_set()

    await eventually(is_draining)
    working.cancel()
    async with asyncio.timeout(10):
        await asyncio.wait([working])

    assert working.cancelled()
    assert asyncio.all_tasks() == before


async def test_an_ended_worker_leaves_no_task_behind(both: Any):
    @both.registry.execute
    async def step() -> str:
        return "done"

    before = asyncio.all_tasks()
    async with both.worker():
        await both.until(await both.start("step", "step"))

    assert asyncio.all_tasks() == before
    assert any(isinstance(event, WorkerStopped) for event in both.hooks.events)
