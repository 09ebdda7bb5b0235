"""A run waits, for a signal or for a time, without costing anything, and goes on by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from paigeant import ActivityRegistry, Parked, Run, Signal, Workflow
from paigeant.errors import InvalidInput, UnknownRun, WrongState


async def until_waiting(run: Run) -> None:
    """Return once the run waits."""
    async for view in run.follow(timeout=10):
        if view.status == "waiting":
            return


@pytest.fixture
def ask(registry: ActivityRegistry) -> None:
    @registry.execute
    async def ask(approved: Any = "nobody has answered") -> Any:
        return Parked("Ann must approve", signal="approved") if approved == "nobody has answered" else approved


@pytest.mark.usefixtures("ask")
async def test_a_parked_step_runs_again_when_its_signal_comes_and_sees_what_that_carries(serve: Any):
    app = await serve(Workflow("w", ["ask"]))
    run = await app.dispatch("w", {})
    await until_waiting(run)
    view = await run.view()

    assert (view.reason, view.steps[0].signal, view.steps[0].due_at) == ("Ann must approve", "approved", None)
    assert await run.signal("approved", {"by": "Ann"}) == "met"
    result = await run.result(timeout=10)
    assert (result.output, result.steps[0].attempt) == ({"by": "Ann"}, 1)
    assert result.variables["approved"] == {"by": "Ann"}


@pytest.mark.usefixtures("ask")
async def test_a_signal_that_comes_before_its_wait_is_kept_for_it(serve: Any):
    app = await serve(Workflow("w", ["ask"]), worker=False)
    run = await app.dispatch("w", {})

    assert await app.signal(run.workflow_id, "approved", "early") == "kept"
    async with app.worker():
        assert (await run.result(timeout=10)).output == "early"


async def test_each_wait_meets_one_signal_in_the_order_in_which_they_came(registry: ActivityRegistry, serve: Any):
    @registry.execute
    async def first(word: str | None = None) -> Any:
        return word or Parked("a word", signal="word")

    @registry.execute
    async def second(word: str | None = None, first: str | None = None) -> Any:
        return [first, word] if word != first else Parked("another word", signal="word")

    app = await serve(Workflow("w", ["first", "second"]), worker=False)
    run = await app.dispatch("w", {})
    for word in ("one", "two", "three"):
        assert await run.signal("word", word) == "kept"

    async with app.worker():
        assert (await run.result(timeout=10)).output == ["one", "two"]


@pytest.mark.usefixtures("ask")
async def test_a_signal_is_counted_once_however_often_it_is_sent(serve: Any):
    app = await serve(Workflow("w", ["ask"]), worker=False)
    run = await app.dispatch("w", {})

    assert await run.signal("approved", 1, signal_id="mail-7") == "kept"
    assert await run.signal("approved", 2, signal_id="mail-7") == "repeated"
    async with app.worker():
        assert (await run.result(timeout=10)).output == 1
    assert await run.signal("approved", 2, signal_id="mail-7") == "repeated"  # also of a run that has ended


async def test_a_parked_step_that_waits_for_a_signal_does_not_wait_for_ever(registry: ActivityRegistry, serve: Any):
    tried: list[Any] = []

    @registry.execute
    async def ask(approved: Any = None) -> Any:
        tried.append(approved)
        if len(tried) > 1:
            return "nobody came"
        return Parked("Ann", signal="approved", resume_after=timedelta(seconds=0.1))

    app = await serve(Workflow("w", ["ask"]))

    assert (await (await app.dispatch("w", {})).result(timeout=10)).output == "nobody came"
    assert tried == [None, None]


@pytest.mark.usefixtures("ask")
async def test_many_runs_are_signalled_at_once(serve: Any):
    app = await serve(Workflow("w", ["ask"]))
    runs = await app.dispatch_many("w", [{}] * 30)
    unknown, large = uuid4(), "x" * 10_000
    signals = [Signal(run.workflow_id, "approved", [number, large]) for number, run in enumerate(runs)]

    receipts = await app.signal_many([*signals, Signal(unknown, "approved")])

    assert set(receipts[:-1]) <= {"met", "kept"}
    assert receipts[-1] == "unknown_run"
    for number, run in enumerate(runs):
        assert (await run.result(timeout=20)).output == [number, large]


@pytest.mark.usefixtures("ask")
async def test_a_signal_that_cannot_arrive_is_refused(serve: Any):
    app = await serve(Workflow("w", ["ask"]), worker=False)
    run, over = await app.dispatch("w", {}), await app.dispatch("w", {})
    await over.terminate()

    with pytest.raises(UnknownRun):
        await app.signal(uuid4(), "approved")
    with pytest.raises(UnknownRun, match="looks like"):
        await app.signal("here", "approved")
    with pytest.raises(WrongState, match="has ended"):
        await over.signal("approved")
    with pytest.raises(InvalidInput, match="no name for a signal"):
        await run.signal("approved!")
    with pytest.raises(InvalidInput, match="1,048,576"):
        await run.signal("approved", "x" * 1024 * 1024)
    with pytest.raises(InvalidInput, match="label"):
        await run.signal("approved", signal_id="")
    assert await app.signal_many([Signal(run.workflow_id, "word") for _ in range(1_000)]) == ["kept"] * 1_000
    with pytest.raises(WrongState, match="1,000"):
        await run.signal("word")


@pytest.mark.usefixtures("ask")
async def test_a_run_that_waits_for_a_signal_may_be_resumed_cancelled_and_terminated(serve: Any):
    app = await serve(Workflow("w", ["ask"]))
    resumed, cancelled, terminated = [await app.dispatch("w", {}) for _ in range(3)]
    for run in (resumed, cancelled, terminated):
        await until_waiting(run)

    await resumed.retry()
    await until_waiting(resumed)
    await cancelled.cancel()
    assert await terminated.terminate() == "terminated"
    assert (await cancelled.result(timeout=10)).status == "cancelled"
    assert await resumed.signal("approved", "at last") == "met"

    assert (await resumed.result(timeout=10)).output == "at last"
