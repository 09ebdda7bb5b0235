"""Whatever happens to runs, in whatever order and with whatever stale lease, all stores answer the same."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from paigeant.abc import Store
from paigeant.errors import PaigeantError
from paigeant.model.hold import Taker
from paigeant.model.hops import Commit, Grant, LeaseToken, RunStart, Started
from paigeant.model.outcomes import Completed, Fault, Faulted, FaultKind, Outcome, Parked, Retrying
from paigeant.model.plan import Undo
from paigeant.model.runs import CancelRequest, Direction, RunView, StepStatus
from paigeant.model.stored.claims import Announced, Due, Overdue
from paigeant.model.stored.signals import SentSignal
from paigeant.model.values.values import Value, inline
from paigeant.sql.sqlite.database import SqliteDatabase
from paigeant.sql.store import SqlStore
from paigeant.stores.memory import MemoryStore
from paigeant.stores.postgresql import PostgresStore
from paigeant.stores.sqlite import SqliteStore
from paigeant.testing.builders import FAULT, decided, new_run, notice

LONG, OVER = timedelta(minutes=5), timedelta(0)
"""A lease that lasts, and one that is over as soon as it is given."""

TOPICS = ("draft", "review", "print")
NAMESPACES = count()
FOLDER = tempfile.TemporaryDirectory()

OUTCOMES: dict[str, Outcome[Value]] = {
    "completed": Completed(inline("text"), inline("log"), {"tone": inline("dry")}),
    "retrying": Retrying(FAULT, 0.0),
    "retrying later": Retrying(FAULT, 3600.0),
    "parked": Parked("ask Ann"),
    "parked a moment": Parked("wait", timedelta(0)),
    "awaits a": Parked("ask Ann", signal="a"),
    "awaits a a moment": Parked("ask Ann", timedelta(0), "a"),
    "awaits b for long": Parked("ask Bob", timedelta(hours=1), "b"),
    "faulted": Faulted(FAULT),
    "faulted for good": Faulted(FAULT, compensate=False),
    "timed out": Faulted(Fault(type="TimeoutError", message="late", kind=FaultKind.TIMEOUT)),
    "cancelled": Faulted(Fault(type="Cancelled", message="as requested", kind=FaultKind.CANCELLED)),
}

leases = st.sampled_from([LONG, OVER])
owners = st.sampled_from(["worker-1", "worker-2"])
anyone = st.integers(0, 3) | st.integers(0, 2**16)
"""How far back in a list, mostly not far."""


@pytest.fixture(autouse=True)
def database(new_postgres: Callable[[], str]) -> None:
    Stores.postgres = new_postgres()


class Stores(RuleBasedStateMachine):
    """Asks all stores the same. Each keeps its own fences; the answers are compared without them."""

    postgres: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.stores: list[Store] = []
        self.starts: list[RunStart] = []
        self.grants: list[tuple[Grant, ...]] = []
        self.commits: list[tuple[Commit, ...]] = []

    @initialize()
    def open(self) -> None:
        namespace = f"n{next(NAMESPACES)}"
        sqlite = SqliteStore(f"sqlite:///{FOLDER.name}/machine.db", namespace=namespace)
        judged = SqlStore(SqliteDatabase(f"sqlite:///{FOLDER.name}/judged.db", namespace), tries_plain=False)
        stores: list[Store] = [MemoryStore(), sqlite, judged, PostgresStore(self.postgres, namespace=namespace)]

        async def enter() -> list[Store]:
            return [await self.stack.enter_async_context(store) for store in stores]

        self.stores = self.runner.run(enter())

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    def ask(self, question: Callable[[int, Store], Awaitable[Any]], shape: Callable[[Any], Any] = lambda a: a) -> Any:
        """Ask every store, and return the answers if they are equal in shape."""

        async def answers() -> list[Any]:
            return [await answer(question(n, store)) for n, store in enumerate(self.stores)]

        async def answer(asked: Awaitable[Any]) -> Any:
            try:
                return await asked
            except PaigeantError as error:
                return type(error)

        given = self.runner.run(answers())
        shapes = [one if isinstance(one, type) else shape(one) for one in given]
        assert all(one == shapes[0] for one in shapes), shapes
        return given

    def keep(self, answers: Sequence[list[Grant]]) -> None:
        """Remember what was leased: one tuple a hop, one grant a store."""
        by_key = [{grant.key: grant for grant in grants} for grants in answers]
        self.grants += [tuple(grants[key] for grants in by_key) for key in by_key[0]]

    def run_id(self, which: int) -> UUID:
        return self.starts[-1 - which % len(self.starts)].workflow_id

    # -- what dispatchers do

    @rule(
        steps=st.lists(st.sampled_from(TOPICS), min_size=1, max_size=3),
        payload=st.integers(0, 1),
        key=st.none() | st.sampled_from("ab"),
        deadline=st.sampled_from([None, None, 3600.0, -1.0]),
        taker=st.none() | st.builds(Taker, owners, leases),
    )
    def start(
        self, steps: list[str], payload: int, key: str | None, deadline: float | None, taker: Taker | None
    ) -> None:
        start = new_run(*steps, payload=payload, dispatch_key=key, deadline=deadline, taker=taker)
        answers = self.ask(lambda _, store: store.record_workflow_start([start]), starts_shape)
        if not isinstance(answers[0], type) and answers[0][0].fresh:
            self.starts.append(start)
            self.keep([given(answer) for answer in answers])

    @precondition(lambda self: self.starts)
    @rule(which=anyone)
    def start_again(self, which: int) -> None:
        start = self.starts[-1 - which % len(self.starts)]
        self.ask(lambda _, store: store.record_workflow_start([start]), starts_shape)

    # -- what workers do

    @rule(owner=owners, lease=leases, topics=st.sets(st.sampled_from(TOPICS), min_size=1))
    def pick(self, owner: str, lease: timedelta, topics: set[str]) -> None:
        self.keep(self.ask(lambda _, store: store.claim(owner, Due(topics), 100, lease), grants_shape))

    @precondition(lambda self: self.starts)
    @rule(which=anyone, owner=owners, lease=leases, forged=st.booleans())
    def lease(self, which: int, owner: str, lease: timedelta, *, forged: bool) -> None:
        key, digest = notice(self.starts[-1 - which % len(self.starts)])
        announced = [(key, b"x" * 32 if forged else digest)]
        self.keep(self.ask(lambda _, store: store.claim(owner, Announced(announced), 10, lease), grants_shape))

    @rule(owner=owners, lease=leases)
    def lease_closing(self, owner: str, lease: timedelta) -> None:
        self.keep(self.ask(lambda _, store: store.claim(owner, Overdue(), 100, lease), grants_shape))

    @precondition(lambda self: self.grants)
    @rule(which=anyone, lease=leases, off=st.sampled_from([0, 0, 0, -1, 1]))
    def beat(self, which: int, lease: timedelta, off: int) -> None:
        held = self.held(which, off)
        self.ask(
            lambda n, store: store.beat([held[n]], lease),
            lambda pulses: [(pulse.alive, pulse.cancel) for pulse in pulses],
        )

    @precondition(lambda self: self.grants)
    @rule(which=anyone, off=st.sampled_from([0, 0, 0, -1, 1]))
    def release(self, which: int, off: int) -> None:
        held = self.held(which, off)
        self.ask(lambda n, store: store.release([held[n]]))

    def held(self, which: int, off: int) -> list[LeaseToken]:
        grants = self.grants[-1 - which % len(self.grants)]
        return [LeaseToken(grant.key, grant.fence + off) for grant in grants]

    @precondition(lambda self: self.grants)
    @rule(
        which=anyone,
        kind=st.sampled_from(sorted(OUTCOMES)) | st.just("completed"),
        undo=st.sampled_from(Undo),
        owner=owners,
        lease=leases,
        hand_over=st.booleans(),
        off=st.sampled_from([0, 0, 0, 0, -1, 1]),
    )
    def commit(  # noqa: PLR0913  (what a commit may differ in)
        self, which: int, kind: str, undo: Undo, owner: str, lease: timedelta, *, hand_over: bool, off: int
    ) -> None:
        grants = self.grants[-1 - which % len(self.grants)]
        made = decided(grants[0], OUTCOMES[kind], undo=undo, owner=owner, hand_over=hand_over)
        commits = tuple(
            replace(made, held=LeaseToken(grant.key, grant.fence + off), execution=uuid4()) for grant in grants
        )
        self.commits.append(commits)
        self.settle(commits, lease)

    @precondition(lambda self: self.commits)
    @rule(which=anyone, lease=leases)
    def commit_again(self, which: int, lease: timedelta) -> None:
        self.settle(self.commits[-1 - which % len(self.commits)], lease)

    def settle(self, commits: tuple[Commit, ...], lease: timedelta) -> None:
        answers = self.ask(
            lambda n, store: store.record_step_result([commits[n]], lease),
            lambda settled: [
                (one.verdict, one.cancel, one.handed_over and grants_shape([one.handed_over])) for one in settled
            ],
        )
        self.keep([[one.handed_over for one in settled if one.handed_over is not None] for settled in answers])

    @rule()
    def hold_unserved(self) -> None:
        self.ask(lambda _, store: store.hold_unserved(timedelta(0)))

    # -- what people do

    @precondition(lambda self: self.starts)
    @rule(which=anyone, cancel_request=st.sampled_from([CancelRequest.PLAIN, CancelRequest.COMPENSATE]))
    def cancel(self, which: int, cancel_request: CancelRequest) -> None:
        self.ask(lambda _, store: store.request_cancel(self.run_id(which), cancel_request))

    @precondition(lambda self: self.starts)
    @rule(which=anyone)
    def terminate(self, which: int) -> None:
        self.ask(lambda _, store: store.terminate(self.run_id(which)))

    @precondition(lambda self: self.starts)
    @rule(which=anyone)
    def resume(self, which: int) -> None:
        self.ask(lambda _, store: store.resume(self.run_id(which)))

    @precondition(lambda self: self.starts)
    @rule(which=anyone, value=st.integers(0, 3))
    def save_variable(self, which: int, value: int) -> None:
        self.ask(lambda _, store: store.save_variable(self.run_id(which), "tone", inline(value)))

    @precondition(lambda self: self.starts)
    @rule(
        signals=st.lists(
            st.tuples(anyone, st.sampled_from("ab"), st.integers(0, 20).map(str), st.integers(0, 9)), max_size=4
        )
    )
    def signal(self, signals: list[tuple[int, str, str, int]]) -> None:
        sent = [SentSignal(self.run_id(which), name, key, inline(value)) for which, name, key, value in signals]
        self.ask(lambda _, store: store.send_signals(sent))

    # -- what holds

    @invariant()
    def runs_look_the_same_everywhere(self) -> None:
        self.ask(lambda _, store: store.list_runs(limit=100), lambda page: [run.workflow_id for run in page.runs])
        for start in self.starts:
            [run, *_] = self.ask(lambda _, store, start=start: store.get_run(start.workflow_id), run_shape)
            holds(run)


def given(answers: Sequence[Started]) -> list[Grant]:
    """Return what was handed over with starts."""
    return [one.handed_over for one in answers if one.handed_over is not None]


def starts_shape(answers: Sequence[Started]) -> Any:
    """Return what must be equal of the answers to starts."""
    return [one[:2] for one in answers], grants_shape(given(answers))


def grants_shape(grants: Sequence[Grant]) -> set[Any]:
    """Return what must be equal of leases; times and fences are each store's own."""
    return {
        (
            grant.key,
            grant.topic,
            grant.body,
            grant.attempt,
            grant.interrupted,
            grant.cancel,
            grant.remaining and grant.remaining > 0,
            repr(grant.record),
        )
        for grant in grants
    }


def run_shape(run: RunView) -> Any:
    """Return what must be equal of a run: all but the times, of which only whether there is one."""
    times = ("created_at", "started_at", "completed_at", "due_at", "deadline", "at")

    def without_times(value: Any) -> Any:
        match value:
            case dict():
                return {k: v is None if k in times else without_times(v) for k, v in value.items()}
            case list() | tuple():
                return [without_times(one) for one in value]
            case _:
                return value

    return without_times(run.model_dump())


def holds(run: RunView) -> None:
    """What is true of every run at every time."""
    assert [step.position for step in run.steps] == list(range(1, len(run.steps) + 1))
    pending = [step for step in run.steps if step.completed_at is None]
    assert len(pending) == (0 if run.status.final else 1)
    done = [step.idempotency_key for step in run.steps if step.status is StepStatus.COMPLETED]
    assert len(done) == len(set(done))
    undone = [step.step for step in run.steps if step.direction is Direction.COMPENSATE]
    assert not undone or run.error is not None
    assert run.completed_at is None or run.status.final


Stores.TestCase.settings = settings(max_examples=15, stateful_step_count=40, deadline=None)
TestStores = pytest.mark.timeout(300)(Stores.TestCase)
