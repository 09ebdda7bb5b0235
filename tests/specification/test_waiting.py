"""A run waits, for a signal or for a time, without costing anything, and goes on by itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest

from paigeant import ActivityRegistry, Parked, Run, Signal, Sleep, Wait, Workflow
from paigeant.errors import InvalidInput, RegistrationError, UnknownRun, WrongState
from paigeant.testing import app


async def until_waiting(run: Run) -> Any:
    """Return the run's view once it waits."""
    async for view in run.follow(timeout=10):
        if view.status == "waiting":
            return view
    raise AssertionError("it never waited")


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


# -- entries that wait


@pytest.fixture
def steps(registry: ActivityRegistry) -> None:
    @registry.execute
    async def first() -> str:
        return "first"

    @registry.execute
    async def last(previous: Any, approved: Any = "unset") -> Any:
        return [previous, approved]

    @registry.compensate("first")
    async def undo() -> None: ...


@pytest.mark.usefixtures("steps")
async def test_a_run_waits_for_a_signal_whose_payload_is_the_variable_of_that_name(serve: Any):
    app = await serve(Workflow("w", ["first", Wait("approved"), "last"]))
    run = await app.dispatch("w", {})
    view = await until_waiting(run)

    assert (view.reason, view.due_at) == ("signal approved", None)
    [node] = view.nodes
    assert (node.position, node.kind, node.name, node.status, node.signal) == (
        2,
        "wait",
        "approved",
        "waiting",
        "approved",
    )
    assert await run.signal("approved", {"by": "Ann"}) == "met"
    result = await run.result(timeout=10)
    assert result.output == ["first", {"by": "Ann"}]
    assert [(step.position, step.step) for step in result.steps] == [(1, "first"), (3, "last")]
    [node] = (await run.view()).nodes
    assert (node.status, node.reason, node.signal) == ("completed", None, None)


@pytest.mark.usefixtures("steps")
async def test_a_signal_that_came_first_is_not_waited_for(serve: Any):
    app = await serve(Workflow("w", [Wait("approved"), "last"]), worker=False)
    run = await app.dispatch("w", {"n": 1})
    await run.signal("approved", "early", signal_id="once")
    assert await run.signal("approved", "twice", signal_id="once") == "repeated"

    async with app.worker():
        assert (await run.result(timeout=10)).output == [{"n": 1}, "early"]


@pytest.mark.usefixtures("steps")
async def test_a_wait_that_was_too_long_is_a_fault_or_goes_on_with_null(serve: Any):
    fault = Workflow("fault", ["first", Wait("approved", timeout=0.1), "last"])
    goes_on = Workflow("on", ["first", Wait("approved", timeout=0.1, on_timeout="continue"), "last"])
    app = await serve(fault, goes_on)

    failed = await (await app.dispatch("fault", {})).result(timeout=10)
    went_on = await (await app.dispatch("on", {})).result(timeout=10)

    assert (failed.status, failed.error.type, failed.error.step, failed.error.position) == (
        "compensated",
        "WaitTimeout",
        "approved",
        2,
    )
    assert went_on.output == ["first", None]


@pytest.mark.usefixtures("steps")
async def test_a_signal_at_the_moment_of_the_timeout_counts_wholly_or_not_at_all(serve: Any):
    app = await serve(Workflow("w", [Wait("approved", timeout=0.5, on_timeout="continue"), Sleep("300ms"), "last"]))
    runs = [await app.dispatch("w", {}) for _ in range(24)]
    began = asyncio.get_running_loop().time()

    async def send(number: int) -> str:
        await asyncio.sleep(began + 0.3 + number * 0.02 - asyncio.get_running_loop().time())
        return (await app.signal_many([Signal(runs[number].workflow_id, "approved", number)]))[0]

    receipts = await asyncio.gather(*[send(number) for number in range(len(runs))])

    for number, (run, receipt) in enumerate(zip(runs, receipts, strict=True)):
        result = await run.result(timeout=20)
        assert result.status == "completed"
        # one that is kept came before the wait, which then has found it, or after its end
        assert result.output[1] in ({number} if receipt == "met" else {None, number}), (receipt, number)


@pytest.mark.usefixtures("steps")
async def test_a_run_sleeps_for_a_time_or_until_one_comes(serve: Any):
    soon = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    naps = [Sleep("100ms"), Sleep(timedelta(seconds=0.1)), Sleep(until="at"), Sleep(until="2020-01-01T00:00:00Z")]
    app = await serve(Workflow("w", ["first", *naps, "last"]), Workflow("after", [Sleep(until="previous")]))

    result = await (await app.dispatch("w", {"at": soon})).result(timeout=20)

    assert result.output == ["first", "unset"]
    assert [step.position for step in result.steps] == [1, 6]
    after = await (await app.dispatch("after", soon)).result(timeout=20)
    assert after.status == "completed"
    for wrong, said in (({"at": "soon"}, "is 'soon'"), ({}, "is not set"), ({"at": 7}, "is 7")):
        failed = await (await app.dispatch("w", wrong)).result(timeout=20)
        assert failed.error.type == "InvalidTime"
        assert said in failed.error.message


@pytest.mark.usefixtures("steps")
async def test_a_wait_outlives_every_worker_and_its_time_does_not_begin_anew(serve: Any):
    app = await serve(Workflow("w", ["first", Sleep("1s"), "last"]), worker=False)
    run = await app.dispatch("w", {})
    async with app.worker():
        due_at = (await until_waiting(run)).due_at
    for _ in range(2):
        async with app.worker():
            assert (await run.view()).due_at in {due_at, None}

    async with app.worker():
        result = await run.result(timeout=10)
    assert result.output == ["first", "unset"]
    assert result.steps[-1].started_at >= due_at


@pytest.mark.usefixtures("steps")
async def test_a_retry_cuts_no_wait_short_and_cancel_and_terminate_end_it_at_once(serve: Any):
    app = await serve(Workflow("w", ["first", Sleep("1h"), "last"]), Workflow("s", ["first", Wait("approved"), "last"]))
    cancelled, undone, terminated, late = [
        *[await app.dispatch("w", {}) for _ in range(2)],
        await app.dispatch("s", {}),
        await app.dispatch("s", {}, deadline=2),
    ]
    for run in (cancelled, undone, terminated, late):
        view = await until_waiting(run)
    assert (await cancelled.view()).reason == "sleep"

    with pytest.raises(WrongState, match=r"waits \(sleep\) until 20"):
        await cancelled.retry()
    with pytest.raises(WrongState, match=r"waits \(signal approved\): a retry does not cut that short"):
        await terminated.retry()
    await cancelled.cancel()
    await undone.cancel(compensate=True)
    assert await terminated.terminate() == "terminated"
    assert (await cancelled.result(timeout=10)).status == "cancelled"
    assert (await undone.result(timeout=10)).status == "compensated"
    assert (await late.result(timeout=20)).error.type == "DeadlineExceeded"
    assert view.status == "waiting"


@pytest.mark.usefixtures("steps")
async def test_a_workflow_may_begin_and_end_with_a_wait(serve: Any):
    app = await serve(Workflow("only", [Sleep("10ms")]), Workflow("last", ["first", Sleep("10ms")]))

    assert (await (await app.dispatch("only", {})).result(timeout=10)).output is None
    assert (await (await app.dispatch("last", {})).result(timeout=10)).output == "first"


def test_what_is_no_wait_is_refused_where_it_is_written(registry: ActivityRegistry):
    with pytest.raises(RegistrationError):
        Wait("no name!")
    with pytest.raises(RegistrationError):
        Wait("approved", on_timeout=cast("Any", "never"))
    with pytest.raises(RegistrationError):
        Sleep()
    with pytest.raises(RegistrationError):
        Sleep(until="2030-13-45T99:00:00Z")
    with pytest.raises(RegistrationError, match=r"begin with 'paigeant\.'"):

        @registry.execute("paigeant.flow")
        async def flow() -> None: ...


@pytest.mark.usefixtures("steps")
async def test_a_worker_may_die_at_each_commit_of_a_wait(registry: ActivityRegistry):
    waits = [Sleep("3d"), Wait("approved", timeout="1h", on_timeout="continue")]
    async with app(registry, workflows=[Workflow("w", ["first", *waits, "last"])]) as env:
        crashed = await env.crash_after_each_commit("w", {})

    assert {run.position for run in crashed} == {1, 2, 3, 4}
    assert all(run.result.output == ["first", None] for run in crashed)
