"""Hooks see what happens, learn how it ended, and change nothing, however they fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from paigeant import RetryPolicy, RunStatus, Step
from paigeant.abc import DispatchSpan, Hooks, StepSpan
from paigeant.aio.race import cancel
from paigeant.engine.hooks import REPORTS, GuardedHooks
from paigeant.engine.traces import TraceContext
from paigeant.model.events import (
    BatchCommitted,
    Delivered,
    Event,
    ExecutionEnd,
    LeaseGranted,
    Published,
    RunDispatched,
    RunEnded,
    StepEnded,
    StepReleased,
    WorkerStarted,
    WorkerStopped,
)
from paigeant.model.hops import Leased
from paigeant.model.plan import Plan
from paigeant.model.runs import StepStatus
from paigeant.transports.memory import MemoryTransport

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
IN_SPAN = ContextVar[str]("in_span", default="nothing")


class Spans(Hooks):
    """Opens a span around each step and each dispatch, and keeps what they learnt."""

    def __init__(self) -> None:
        self.ends: list[ExecutionEnd] = []
        self.dispatched: list[RunDispatched] = []

    @contextmanager
    def around_step(self, leased: Leased) -> Generator[StepSpan]:
        token = IN_SPAN.set(leased.message.topic)
        try:
            yield Learner(self.ends)
        finally:
            IN_SPAN.reset(token)

    @asynccontextmanager
    async def around_dispatch(self, plan: Plan) -> AsyncGenerator[DispatchSpan]:
        await asyncio.sleep(0)
        yield Tracer(self.dispatched)


class Learner(StepSpan):
    def __init__(self, ends: list[ExecutionEnd]) -> None:
        self._ends = ends

    def end(self, ended: ExecutionEnd) -> None:
        self._ends.append(ended)


class Tracer(DispatchSpan):
    def __init__(self, dispatched: list[RunDispatched]) -> None:
        self._dispatched = dispatched

    @property
    def traceparent(self) -> str:
        return TRACEPARENT

    def end(self, dispatched: RunDispatched) -> None:
        self._dispatched.append(dispatched)


class Failing(Hooks):
    """Raises at one place of those that there are."""

    def __init__(self, place: str, error: BaseException) -> None:
        self._place = place
        self._error = error
        self.reached = 0

    def reach(self, place: str) -> None:
        if place == self._place:
            self.reached += 1
            raise self._error

    def around_step(self, leased: Leased) -> Any:
        self.reach("call")
        return self._around()

    @asynccontextmanager
    async def _around(self) -> AsyncGenerator[StepSpan]:
        self.reach("enter")
        hook = self

        class Span(StepSpan):
            def end(self, ended: ExecutionEnd) -> None:
                hook.reach("end")

        yield Span()
        self.reach("exit")

    @contextmanager
    def around_dispatch(self, plan: Plan) -> Generator[None]:
        self.reach("enter dispatch")
        yield None
        self.reach("exit dispatch")

    def on_event(self, event: Event) -> None:
        self.reach("event")


PLACES = ["call", "enter", "end", "exit", "enter dispatch", "exit dispatch", "event"]
ERRORS = [RuntimeError("the collector is away"), SystemExit(3), asyncio.CancelledError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", PLACES)
async def test_a_hook_that_raises_is_reported_once_and_changes_nothing(
    bench, place: str, error: BaseException, caplog: pytest.LogCaptureFixture
):
    failing, spans = Failing(place, error), Spans()
    bench.hook_list = [failing, spans]

    @bench.registry.execute(retry=RetryPolicy(max_attempts=1))
    async def count(payload: int) -> int:
        return payload + 1

    async with bench.worker():
        for number in range(2):
            run = await bench.start("count", payload=b"%d" % number)
            view = await bench.until(run)
            assert (view.status, view.steps[0].attempt) == (RunStatus.COMPLETED, 1)

    assert failing.reached > 1
    assert len(spans.ends) == len(spans.dispatched) == 2
    reports = [record for record in caplog.records if record.name == "paigeant.hooks"]
    kinds = {record.getMessage() for record in reports}
    assert len(kinds) == len(reports) > 0
    assert all(record.exc_info and record.exc_info[1] is not None for record in reports)


async def test_a_span_learns_the_outcome_and_the_step_sees_what_it_set(both):
    spans, seen = Spans(), list[str]()
    both.hook_list = [spans, both.hooks]

    @both.registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    async def fail() -> None:
        seen.append(IN_SPAN.get())
        raise ValueError("no")

    @both.registry.execute()
    def in_thread() -> None:
        seen.append(IN_SPAN.get())

    async with both.worker():
        await both.until(await both.start("in_thread", "fail"))

    ended = [event for event in spans.ends if isinstance(event, StepEnded)]
    assert [event.transition.hop.status for event in ended] == [
        StepStatus.COMPLETED,
        StepStatus.RETRYING,
        StepStatus.FAILED,
    ]
    assert [str(event.error) for event in ended[1:]] == ["no", "no"]
    assert seen == ["in_thread", "fail", "fail"]
    assert IN_SPAN.get() == "nothing"


async def test_a_step_that_is_released_ends_its_span(bench):
    spans, began = Spans(), asyncio.Event()
    bench.hook_list = [spans]

    @bench.registry.execute()
    async def endless() -> None:
        began.set()
        await asyncio.Event().wait()

    worker = bench.worker(grace=bench.lease * 0)
    async with worker:
        await bench.start("endless")
        await began.wait()

    assert [type(end) for end in spans.ends] == [StepReleased]


async def test_events_tell_of_each_run_lease_and_message(bench):
    bench.transport = MemoryTransport()

    @bench.registry.execute()
    async def one() -> None:
        pass

    async with bench.worker():
        run = await bench.start("one")
        await bench.until(run)

    def all_of(kind: type[Event]) -> list[Any]:
        return [event for event in bench.hooks.events if isinstance(event, kind)]

    [dispatched], [granted], [ended] = all_of(RunDispatched), all_of(LeaseGranted), all_of(RunEnded)
    assert (dispatched.workflow_id, dispatched.workflow, dispatched.fresh) == (run, "w", True)
    assert (granted.grant.topic, granted.worker) == ("one", "worker-0")
    assert 0 <= granted.grant.waited < 60
    assert (ended.workflow_id, ended.status, ended.headers.workflow) == (run, RunStatus.COMPLETED, "w")
    assert {event.message_id for event in all_of(Published)} == {f"{run}:1"}
    assert {event.topic for event in all_of(Delivered)} == {"one"}


async def test_a_run_continues_the_trace_that_it_is_dispatched_in(bench):
    bench.hook_list = [Spans()]

    run = await bench.start(Step("one", elsewhere=True), payload=b"1")

    assert (await bench.view(run)).trace_id == TRACEPARENT.split("-")[1]


@pytest.mark.parametrize(
    "wrong", [None, "", "00-0-0-01", TRACEPARENT.upper(), f"ff{TRACEPARENT[2:]}", f"00-{'0' * 32}-b7ad6b7169203331-01"]
)
def test_what_is_no_traceparent_is_ignored(wrong: str | None):
    assert TraceContext.of(wrong) is None


def test_nothing_is_wanted_where_nobody_listens():
    class Some(Hooks):
        wanted_events = (WorkerStarted,)

        def on_event(self, event: Event) -> None:
            raise AssertionError

    silent, some, all_of_them = GuardedHooks([Hooks()]), GuardedHooks([Some()]), GuardedHooks([Failing("", KeyError())])

    assert not silent.wants(StepEnded)
    assert (some.wants(WorkerStarted), some.wants(BatchCommitted)) == (True, False)
    assert all_of_them.wants(BatchCommitted)
    assert GuardedHooks([Spans()]).wants(StepEnded)


async def test_a_step_that_is_cancelled_is_cancelled_through_its_hooks(bench, caplog: pytest.LogCaptureFixture):
    entered, left = asyncio.Event(), list[str]()

    class Slow(Hooks):
        @asynccontextmanager
        async def around_step(self, leased: Leased) -> AsyncGenerator[None]:
            try:
                yield
            finally:
                left.append("slow")

    class Waiting(Hooks):
        @asynccontextmanager
        async def around_step(self, leased: Leased) -> AsyncGenerator[None]:
            entered.set()
            await asyncio.Event().wait()
            yield

    async def execute() -> None:
        async with GuardedHooks([Slow(), Waiting()]).around_step(None):  # type: ignore[arg-type]
            left.append("executed")

    task = asyncio.create_task(execute())
    await entered.wait()
    await cancel([task])

    assert task.cancelled()
    assert left == ["slow"]
    assert caplog.records == []


@pytest.mark.parametrize("place", ["entering", "leaving"])
async def test_a_hook_that_hangs_keeps_no_step_waiting(
    bench, place: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("paigeant.engine.hooks.PATIENCE", 0.05)

    class Hanging(Hooks):
        @asynccontextmanager
        async def around_step(self, leased: Leased) -> AsyncGenerator[None]:
            if place == "entering":
                await asyncio.Event().wait()
            yield
            await asyncio.Event().wait()

    spans = Spans()
    bench.hook_list = [Hanging(), spans]

    @bench.registry.execute(retry=RetryPolicy(max_attempts=1))
    async def count(payload: int) -> int:
        return payload + 1

    async with bench.worker():
        view = await bench.until(await bench.start("count", payload=b"1"))

    assert view.status is RunStatus.COMPLETED
    assert len(spans.ends) == 1
    assert "Hanging.around_step" in caplog.text


class Loud(Hooks):
    """Fails in another way each time, with much to say."""

    wanted_events = (WorkerStopped,)

    def on_event(self, event: Event) -> None:
        kind = type("Mishap", (Exception,), {})
        raise kind("x" * 1_000_000)


def test_what_is_reported_of_failing_hooks_has_an_end(caplog: pytest.LogCaptureFixture):
    hooks = GuardedHooks([Loud()])

    for number in range(REPORTS + 20):
        hooks.report(WorkerStopped("w", number))

    reports = [record for record in caplog.records if record.name == "paigeant.hooks"]
    assert len(reports) == REPORTS
    assert max(len(logging.Formatter().format(record)) for record in reports) < 20_000
    assert "none will be" in reports[-1].getMessage()
