"""However the machine's clock is set, what a SQLite file waits for comes when as much time has passed as was said."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from paigeant.app.choosing import choose_schema
from paigeant.config import Settings
from paigeant.model.outcomes import Retrying
from paigeant.model.plan import WorkerCard
from paigeant.model.stored.claims import Due
from paigeant.sql.schema.types import SHOWN
from paigeant.sql.sqlite.clock import THIS_MACHINE, StoreClock
from paigeant.sql.sqlite.database import SqliteDatabase
from paigeant.sql.store import SqlStore
from paigeant.testing.builders import FAULT, WORKER, completed, decided, new_run

HOUR, DAY, YEAR = 3600.0, 86_400.0, 365 * 86_400.0
LEASE = timedelta(seconds=15)
MOMENT = timedelta(milliseconds=1)
SET = pytest.mark.parametrize("by", [-HOUR, 0.9, YEAR], ids=["back", "a little", "forward"])


@dataclass
class Machine:
    """A machine whose clocks are set by hand: how long ago it was started, and what it believes the time is."""

    since_start: float = 5000.0
    believed: float = field(default_factory=lambda: datetime(2026, 5, 1, tzinfo=UTC).timestamp())
    started: str = "first"

    def boot(self) -> str:
        return self.started

    def elapsed(self) -> float:
        return self.since_start

    def wall(self) -> float:
        return self.believed

    def passes(self, seconds: float) -> None:
        """Time passes, and both clocks tell it."""
        self.since_start += seconds
        self.believed += seconds

    def is_set(self, by: float) -> None:
        """Somebody sets the wall clock."""
        self.believed += by

    def restarts(self, after: float) -> None:
        """The machine is off for so many seconds, and its wall clock goes on."""
        self.started, self.since_start = f"{self.started}'", 20.0
        self.believed += after

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.believed, UTC)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file that has its schema and nothing else."""
    path = tmp_path_factory.mktemp("made") / "paigeant.db"
    choose_schema(Settings(store=f"sqlite:///{path}")).upgrade()
    return path


@pytest.fixture
def url(empty: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(empty, tmp_path)}"


@pytest.fixture
def store_on(url: str) -> Callable[[Machine], SqlStore]:
    return lambda machine: SqlStore(SqliteDatabase(url, "default", machine))


async def take(store: SqlStore, topic: str = "draft") -> list[object]:
    return list(await store.claim(WORKER, Due((topic,)), 10, LEASE))


async def retry_in(store: SqlStore, seconds: float, topic: str = "draft") -> None:
    """Have a run wait for a retry."""
    await store.record_workflow_start([new_run(topic)])
    [grant] = await store.claim(WORKER, Due((topic,)), 10, LEASE)
    await store.record_step_result([decided(grant, Retrying(FAULT, seconds))], LEASE)


@SET
async def test_a_retry_comes_when_its_delay_has_passed(store_on, machine: Machine, by: float):
    async with store_on(machine) as store:
        await retry_in(store, 4.0)

        machine.passes(2)
        machine.is_set(by)
        machine.passes(1.9)
        before = await take(store)
        machine.passes(0.2)

        assert (len(before), len(await take(store))) == (0, 1)


@SET
async def test_a_lease_ends_when_it_has_lasted_as_long_as_was_said(store_on, machine: Machine, by: float):
    async with store_on(machine) as store:
        await store.record_workflow_start([new_run("draft")])
        await take(store)

        machine.is_set(by)
        machine.passes(14)
        before = await take(store)
        machine.passes(2)

        assert (len(before), len(await take(store))) == (0, 1)


@SET
async def test_what_another_process_does_counts_as_one_clock_says(store_on, machine: Machine, by: float):
    """Two containers on one machine may believe in different times."""
    other = Machine(since_start=machine.since_start, believed=machine.believed + by)
    async with store_on(machine) as store, store_on(other) as another:
        await retry_in(store, 60.0)

        for each in (machine, other):
            each.passes(59)
        before = [await take(each) for each in (another, store)]
        for each in (machine, other):
            each.passes(2)

        assert (before, len(await take(another))) == ([[], []], 1)


@SET
async def test_a_deadline_leaves_as_much_time_as_it_said(store_on, machine: Machine, by: float):
    async with store_on(machine) as store:
        await store.record_workflow_start([new_run("draft", deadline=60.0)])

        machine.is_set(by)
        machine.passes(10)
        [grant] = await store.claim(WORKER, Due(("draft",)), 1, LEASE)

        assert grant.remaining == pytest.approx(50.0, abs=0.01)


@SET
async def test_a_worker_counts_as_alive_for_as_long_as_was_said(store_on, machine: Machine, by: float):
    async with store_on(machine) as store:
        await store.report_worker(WorkerCard(WORKER, "here", 1, ("draft",)))

        machine.is_set(by)
        machine.passes(60)
        alive = await store.list_workers()
        machine.passes(60)

        assert (len(alive), await store.list_workers()) == (1, [])


@SET
async def test_what_is_deleted_for_its_age_has_that_age(store_on, machine: Machine, by: float):
    async with store_on(machine) as store:
        await store.record_workflow_start([new_run("draft")])
        [grant] = await store.claim(WORKER, Due(("draft",)), 1, LEASE)
        await store.record_step_result([completed(grant)], LEASE)

        machine.is_set(by)
        machine.passes(29 * DAY)
        before = await store.prune(timedelta(days=30))
        machine.passes(2 * DAY)

        assert (before, await store.prune(timedelta(days=30))) == (0, 1)


@SET
async def test_times_are_shown_as_the_clock_shows_them_now(store_on, machine: Machine, by: float):
    run = new_run("draft")
    async with store_on(machine) as store:
        await store.record_workflow_start([run])
        was = (await store.get_run(run.workflow_id)).created_at

        machine.passes(10)
        machine.is_set(by)
        shown = (await store.get_run(run.workflow_id)).created_at
        await store.record_workflow_start([new_run("draft")])
        again = (await store.get_run(run.workflow_id)).created_at

    assert abs(was - machine.now + timedelta(seconds=10 + by)) < MOMENT
    assert abs(shown - machine.now + timedelta(seconds=10)) < timedelta(seconds=1)
    assert again == shown


async def test_over_a_restart_what_was_due_meanwhile_is_due_and_the_rest_is_not(store_on, machine: Machine):
    async with store_on(machine) as store:
        await retry_in(store, 60.0)
        await retry_in(store, HOUR, "review")
    machine.restarts(after=120)

    async with store_on(machine) as store:
        due = await take(store)
        machine.passes(HOUR - 120 - 10)
        before = await take(store, "review")
        machine.passes(20)

        assert (len(due), before, len(await take(store, "review"))) == (1, [], 1)


@SET
async def test_a_clock_that_was_set_before_a_restart_delays_and_hurries_nothing_after_it(store_on, machine, by: float):
    async with store_on(machine) as store:
        await retry_in(store, 60.0)
        machine.is_set(by)
        await store.report_worker(WorkerCard(WORKER, "here", 1, ("draft",)))
    machine.restarts(after=30)

    async with store_on(machine) as store:
        early = await take(store)
        machine.passes(31)

        assert (early, len(await take(store))) == ([], 1)


async def test_a_clock_that_forgot_the_time_when_the_machine_was_off_starts_no_wait_anew(store_on, machine: Machine):
    async with store_on(machine) as store:
        await retry_in(store, 60.0)
        machine.passes(50)
        await store.report_worker(WorkerCard(WORKER, "here", 1, ("draft",)))
    machine.restarts(after=-YEAR)

    async with store_on(machine) as store:
        early = await take(store)
        machine.passes(5)
        machine.is_set(YEAR + HOUR)  # the net has reported it
        machine.passes(6)

        assert (early, len(await take(store))) == ([], 1)


async def test_reading_changes_nothing_though_the_clock_was_set(store_on, machine: Machine, url: str):
    async with store_on(machine) as store:
        await store.record_workflow_start([new_run("draft")])
        before = kept(url)

        machine.is_set(HOUR)
        await store.list_runs()

        assert kept(url) == before
        await store.record_workflow_start([new_run("draft")])
        assert kept(url)[2] == pytest.approx(HOUR)


async def test_a_file_that_nobody_has_written_to_is_read(store_on, machine: Machine):
    async with store_on(machine) as store:
        assert (await store.list_runs()).runs == ()


def kept(url: str) -> tuple[str, float, float]:
    with SqliteDatabase(url, "default").connect() as connection:
        return tuple(connection.exec_driver_sql("SELECT boot, base, ahead FROM store_clock").one())


def test_this_machine_counts_from_its_start_and_not_by_its_wall_clock():
    first = THIS_MACHINE.elapsed()

    assert THIS_MACHINE.boot() == THIS_MACHINE.boot() != "wall"
    assert 0 <= THIS_MACHINE.elapsed() - first < 60
    assert THIS_MACHINE.elapsed() < THIS_MACHINE.wall() / 2


# -- any sequence of these


class Event(NamedTuple):
    what: str
    seconds: float


EVENTS = st.lists(
    st.one_of(
        st.builds(Event, st.just("passes"), st.floats(0.0, DAY)),
        st.builds(Event, st.just("set"), st.floats(-YEAR, YEAR)),
        st.builds(Event, st.just("restart"), st.floats(0.0, DAY)),
        st.builds(Event, st.sampled_from(["write", "read", "undone"]), st.just(0.0)),
    ),
    max_size=25,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=50
)
@given(events=EVENTS)
def test_between_two_looks_as_much_time_lies_as_has_passed(url: str, events: list[Event]):
    machine, passed = Machine(), 0.0
    with SqliteDatabase(url, "default").connect() as connection:
        connection.exec_driver_sql("PRAGMA synchronous=OFF")
        connection.exec_driver_sql("DELETE FROM store_clock")
        connection.commit()
        began = look(connection, machine)
        for what, seconds in events:
            match what:
                case "passes":
                    machine.passes(seconds)
                    passed += seconds
                case "set":
                    machine.is_set(seconds)
                    look(connection, machine)  # over a restart nobody could tell it from time that has passed
                case "restart":
                    machine.restarts(seconds)
                    passed += seconds
                    look(connection, machine)
                case _:
                    look(connection, machine, writes=what != "read", undone=what == "undone")

        assert look(connection, machine) - began == pytest.approx(passed, abs=1.0 * (1 + len(events)))


def look(connection: Connection, machine: Machine, *, writes: bool = True, undone: bool = False) -> float:
    """Return the time that stands in the file, and see that it is shown as the wall clock shows it."""
    with transaction(connection, undone=undone):
        now = StoreClock(machine).begin(connection, "default", writes=writes).now
        assert abs((now - machine.now).total_seconds()) <= 1.0
        return (now - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() - SHOWN.ahead


@contextmanager
def transaction(connection: Connection, *, undone: bool) -> Iterator[None]:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.exec_driver_sql("ROLLBACK" if undone else "COMMIT")
        SHOWN.ahead = 0.0


async def test_a_process_that_sees_the_clock_set_last_shows_the_same(store_on, machine: Machine):
    run = new_run("draft")
    async with store_on(machine) as store, store_on(machine) as another:
        await store.record_workflow_start([run])

        machine.is_set(HOUR + 0.4)
        await store.record_workflow_start([new_run("draft")])
        shown = await asyncio.gather(*(each.get_run(run.workflow_id) for each in (store, another)))

        assert shown[0] == shown[1]
