"""A run can be dispatched once, waited for, cancelled, terminated, parked and resumed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from paigeant import ActivityRegistry, Paigeant, Parked, Workflow
from paigeant.errors import (
    DispatchConflict,
    InvalidInput,
    ResultTimeout,
    UnknownRun,
    UnknownStep,
    UnknownWorkflow,
    WrongState,
)


async def test_the_same_dispatch_key_is_the_same_run(registry: ActivityRegistry, serve: Any):
    ran: list[int] = []

    @registry.execute
    async def count(n: int) -> int:
        ran.append(n)
        return n

    app = await serve(Workflow("w", ["count"]), Workflow("other", ["count"]))
    first = await app.dispatch("w", {"n": 1}, dispatch_key="k")
    await first.result(timeout=10)
    again = await app.dispatch("w", {"n": 1}, dispatch_key="k")
    elsewhere = await app.dispatch("other", {"n": 1}, dispatch_key="k")

    assert again.workflow_id == first.workflow_id != elsewhere.workflow_id
    assert (await again.result(timeout=10)).output == 1
    with pytest.raises(DispatchConflict):
        await app.dispatch("w", {"n": 2}, dispatch_key="k")


async def test_a_dispatch_that_cannot_work_is_refused(registry: ActivityRegistry, serve: Any):
    @registry.execute
    async def needs(n: int) -> None: ...

    app = await serve(Workflow("w", ["needs"]), Workflow("far", ["nobody"]), worker=False)

    with pytest.raises(UnknownWorkflow, match="did you mean 'far'"):
        await app.dispatch("farr", {})
    with pytest.raises(UnknownStep, match="'nobody'"):
        await app.dispatch("far", {})
    with pytest.raises(InvalidInput, match="'n' is missing"):
        await app.dispatch("w", {})
    with pytest.raises(InvalidInput, match="16,777,216"):
        await app.dispatch("w", {"n": 1, "x": "y" * 17_000_000})
    with pytest.raises(InvalidInput, match="cannot be written as JSON"):
        await app.dispatch("w", {"n": object()})
    assert (await app.store.list_runs()).runs == ()


async def test_a_dispatcher_without_handlers_finds_what_workers_published(
    registry: ActivityRegistry, settings: Any, serve: Any
):
    @registry.execute
    async def hello(name: str) -> str:
        return f"hello {name}"

    app = await serve(Workflow("greet", ["hello"]))
    if settings.store == "memory://":
        run = await app.dispatch("greet", {"name": "you"})
    else:
        async with Paigeant(ActivityRegistry(), settings=settings) as elsewhere:
            run = await elsewhere.dispatch("greet", {"name": "you"})
            assert (await run.result(timeout=10)).output == "hello you"

    assert (await app.run(str(run.workflow_id)).result(timeout=10)).output == "hello you"


async def test_waiting_for_a_result_gives_up_in_time_and_the_run_goes_on(registry: ActivityRegistry, serve: Any):
    go = asyncio.Event()

    @registry.execute
    async def waits() -> str:
        await go.wait()
        return "went"

    app = await serve(Workflow("w", ["waits"]))
    run = await app.dispatch("w", {})
    with pytest.raises(ResultTimeout):
        await run.result(timeout=0.1)
    go.set()

    assert (await run.result(timeout=10)).output == "went"


async def test_an_unknown_run_is_an_error(registry: ActivityRegistry, serve: Any):
    app = await serve(worker=False)

    with pytest.raises(UnknownRun):
        app.run("not-an-id")
    for ask in ("status", "view", "cancel", "terminate", "retry"):
        with pytest.raises(UnknownRun):
            await getattr(app.run(uuid4()), ask)()


async def test_a_running_step_is_cancelled_at_the_next_beat(registry: ActivityRegistry, serve: Any):
    started, seen = asyncio.Event(), []

    @registry.execute
    async def endless() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    app = await serve(Workflow("w", ["endless"]))
    run = await app.dispatch("w", {})
    await started.wait()
    await run.cancel()
    result = await run.result(timeout=10)

    assert (result.status, seen) == ("cancelled", ["cancelled"])
    assert result.steps[0].status == "cancelled"


async def test_a_run_that_nobody_runs_is_cancelled_at_once(registry: ActivityRegistry, serve: Any):
    @registry.execute
    async def step() -> None: ...

    app = await serve(Workflow("w", ["step"]), worker=False)
    run = await app.dispatch("w", {})

    assert await run.cancel() == "cancelled"
    assert await run.cancel() == "cancelled"


async def test_a_cancel_may_undo_what_was_done(registry: ActivityRegistry, serve: Any):
    undone: list[str] = []
    started = asyncio.Event()

    @registry.execute
    async def pay() -> str:
        return "paid"

    @registry.compensate("pay")
    async def refund(log: str) -> None:
        undone.append(log)

    @registry.execute
    async def endless() -> None:
        started.set()
        await asyncio.sleep(60)

    app = await serve(Workflow("w", ["pay", "endless"]))
    run = await app.dispatch("w", {})
    await started.wait()
    await run.cancel(compensate=True)
    result = await run.result(timeout=10)

    assert (result.status, undone) == ("compensated", ["paid"])


async def test_nothing_is_committed_after_terminate(registry: ActivityRegistry, serve: Any):
    started, go = asyncio.Event(), asyncio.Event()

    @registry.execute
    async def first() -> str:
        started.set()
        await go.wait()
        return "too late"

    @registry.execute
    async def second() -> None: ...

    app = await serve(Workflow("w", ["first", "second"]))
    run = await app.dispatch("w", {})
    await started.wait()

    assert await run.terminate() == "terminated"
    go.set()
    await (await app.dispatch("w", {})).result(timeout=10)
    view = await run.view()

    assert view.status == "terminated"
    assert [(step.step, step.status, step.output) for step in view.steps] == [("first", "cancelled", None)]
    with pytest.raises(WrongState):
        await run.retry()


async def test_a_parked_step_waits_without_a_process_until_it_is_resumed(registry: ActivityRegistry, serve: Any):
    ready = False

    @registry.execute
    async def ask() -> str | Parked:
        return "answered" if ready else Parked("a person must answer")

    app = await serve(Workflow("w", ["ask"]))
    run = await app.dispatch("w", {})
    async with asyncio.timeout(10):
        seen = 0
        while await run.status() != "waiting":
            seen = await app.store.wait_for_change(seen, 1)
    view = await run.view()

    assert (view.reason, view.steps[0].status) == ("a person must answer", "waiting")
    ready = True
    await run.retry()
    assert (await run.result(timeout=10)).output == "answered"


async def test_a_parked_step_may_resume_by_itself(registry: ActivityRegistry, serve: Any):
    asked: list[int] = []

    @registry.execute
    async def ask() -> str | Parked:
        asked.append(1)
        return "done" if len(asked) == 3 else Parked("not yet", timedelta(seconds=0.05))

    app = await serve(Workflow("w", ["ask"]))

    assert (await (await app.dispatch("w", {})).result(timeout=10)).output == "done"


async def test_a_stopping_worker_releases_what_it_cannot_finish(registry: ActivityRegistry, serve: Any):
    attempts: list[int] = []
    started = asyncio.Event()

    @registry.execute
    async def long() -> str:
        attempts.append(1)
        started.set()
        if len(attempts) == 1:
            await asyncio.sleep(60)
        return "done"

    app = await serve(Workflow("w", ["long"]), worker=False)
    run = await app.dispatch("w", {})
    async with app.worker() as worker:
        await started.wait()
        worker.stop(now=True)
    view = await run.view()

    assert (view.steps[0].status, view.steps[0].attempt) == ("pending", 0)
    async with app.worker():
        result = await run.result(timeout=10)
    assert (result.output, result.steps[0].attempt, result.steps[0].errors) == ("done", 1, ())
