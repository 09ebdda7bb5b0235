"""Whoever edits the database does not have a worker execute what was never due: the hop is held, `tampered`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from paigeant import ActivityRegistry, Paigeant, RunStatus, Workflow
from paigeant.app.run import Run
from paigeant.cli.terminal.report import why_waiting
from paigeant.config import Settings
from paigeant.model.runs import RunView, StepStatus, WaitReason
from paigeant.model.stored.run_filter import RunFilter
from paigeant.sql.sqlite.database import SqliteDatabase
from paigeant.testing.waiting import eventually

HELD = (RunStatus.WAITING, WaitReason.TAMPERED)


class Database:
    """A database and a way to edit it behind the back of everybody."""

    def __init__(self, url: str, tell_postgres: Callable[..., None]) -> None:
        self.url = url
        self._tell_postgres = tell_postgres

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    def edit(self, *statements: str, **ids: UUID) -> None:
        """Execute statements; ids are written as the database writes them."""
        names = {name: value.hex if self.is_sqlite else str(value) for name, value in ids.items()}
        made = [statement.format(**names) for statement in statements]
        if not self.is_sqlite:
            self._tell_postgres("SET search_path TO paigeant", *made, on=self.url)
            return
        with SqliteDatabase(self.url, "default").connect() as connection:
            for statement in made:
                connection.exec_driver_sql(statement)
            connection.commit()


class Bench:
    """An application over one database, and what its workers have executed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.done: list[str] = []
        self.registry = ActivityRegistry()
        for name in ("first", "second", "other"):
            self.registry.execute(name)(self._step(name))
            self.registry.compensate(name)(self._undo(name))
        workflows = [
            Workflow("both", ["first", "second"]),
            Workflow("single", ["other"]),
            Workflow("long", ["first"] * 200),
        ]
        settings = Settings(store=database.url, transport=None, grace=1, lease=5)
        self.app = Paigeant(self.registry, workflows=workflows, settings=settings)
        self.elsewhere = Paigeant(self.registry, settings=settings)

    def _step(self, name: str) -> Callable[..., Awaitable[str]]:
        async def step(payload: str) -> str:
            self.done.append(f"{name} for {payload}")
            if payload == f"fail at {name}":
                raise ValueError("it fails")
            return name

        return step

    def _undo(self, name: str) -> Callable[..., Awaitable[None]]:
        async def undo(payload: str) -> None:
            self.done.append(f"undo {name} for {payload}")

        return undo

    async def until(self, run: Run, status: RunStatus) -> RunView:
        """Return the run once it stands there."""
        view = await run.view()

        async def ask() -> bool:
            nonlocal view
            view = await run.view()
            return view.status is status

        await eventually(ask, within=20)
        return view


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, tell_postgres: Any) -> Database:
    url = f"sqlite:///{tmp_path}/paigeant.db"
    return Database(request.getfixturevalue("new_postgres")() if request.param == "postgresql" else url, tell_postgres)


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    made = Bench(database)
    async with made.app:
        yield made


ROW = "UPDATE step_executions SET"
OTHERS = "FROM step_executions WHERE workflow_id = '{other_run}'"
EDITS = {
    "step": (f"{ROW} step = 'second'", "the step is second in the row"),
    "direction": (f"{ROW} direction = 'compensate'", "the direction is compensate in the row"),
    "step id": (f"{ROW} step_id = '{{other_id}}'", "the step id is"),
    "what it undoes": (f"{ROW} undoes_path = '', undoes_position = 1", "the undone hop is"),
    "digest": (f"{ROW} digest = (SELECT digest {OTHERS})", "their digest differs"),
    "bytes": (f"{ROW} body = (SELECT body {OTHERS})", "their digest differs"),
    "no bytes": (f"{ROW} body = NULL", "their digest differs"),
    "bytes and digest": (f"{ROW} (body, digest) = (SELECT body, digest {OTHERS})", "the hop is"),
}


@pytest.mark.parametrize(("edit", "why"), EDITS.values(), ids=EDITS)
async def test_an_edited_row_is_held_and_nothing_of_it_is_executed(bench: Bench, edit: str, why: str):
    run = await bench.app.dispatch("both", "mine")
    other = await bench.app.dispatch("both", "another")
    ids = {"run": run.workflow_id, "other_run": other.workflow_id, "other_id": uuid4()}
    bench.database.edit(f"{edit} WHERE workflow_id = '{{run}}'", **ids)

    async with bench.app.worker():
        view = await bench.until(run, RunStatus.WAITING)
        await other.result(timeout=20)

    assert (view.status, view.reason) == HELD
    [step] = view.steps
    assert (step.status, step.reason) == (StepStatus.WAITING, WaitReason.TAMPERED)
    assert [error.type for error in step.errors] == ["TamperedMessage"]
    assert why in step.errors[0].message
    assert f"waiting (tampered): {step.errors[0].message}; somebody has edited" in (why_waiting(view) or "")
    [listed] = (await bench.app.store.list_runs(RunFilter(status=(RunStatus.WAITING,)))).runs
    assert (listed.workflow_id, listed.reason) == (run.workflow_id, WaitReason.TAMPERED)
    assert sorted(bench.done) == ["first for another", "second for another"]


@pytest.mark.parametrize("how", ["edited", "emptied", "deleted"])
async def test_a_plan_that_was_spoilt_is_executed_by_nobody(bench: Bench, how: str):
    run = await bench.app.dispatch("long", "mine")
    replaced = "replace(CAST(entries AS TEXT), 'first', 'other')"
    if not bench.database.is_sqlite:
        replaced = "convert_to(replace(convert_from(entries, 'UTF8'), 'first', 'other'), 'UTF8')"
    kept = ("CREATE TABLE kept AS SELECT * FROM plans", "CREATE TABLE kept_uses AS SELECT * FROM run_plans")
    spoil = {
        "edited": (f"UPDATE plans SET entries = {replaced}",),
        "emptied": ("UPDATE plans SET entries = ''",),
        "deleted": ("DELETE FROM run_plans", "DELETE FROM plans"),
    }
    bench.database.edit(*kept, *spoil[how])

    async with bench.elsewhere as app, app.worker():  # this one has not made the plan itself
        view = await bench.until(run, RunStatus.WAITING)
        assert bench.done == []
        if how == "deleted":
            assert str(view.reason).startswith("unreadable: the plan of its itinerary")
        else:
            assert (view.status, view.reason) == HELD
            assert "its digest differs" in view.steps[0].errors[0].message

        fix = ("DELETE FROM run_plans", "DELETE FROM plans", "INSERT INTO plans SELECT * FROM kept")
        bench.database.edit(*fix, "INSERT INTO run_plans SELECT * FROM kept_uses")
        await run.retry()
        assert (await run.result(timeout=30)).status is RunStatus.COMPLETED

    assert bench.done == ["first for mine"] * 200


KEPT = "SELECT body, digest FROM kept WHERE workflow_id ="
SWAP = (
    "CREATE TABLE kept AS SELECT workflow_id, body, digest FROM step_executions",
    f"{ROW} (body, digest) = ({KEPT} '{{b}}') WHERE workflow_id = '{{a}}'",
    f"{ROW} (body, digest) = ({KEPT} '{{a}}') WHERE workflow_id = '{{b}}'",
    "DROP TABLE kept",
)


async def test_two_runs_whose_messages_were_swapped_run_once_that_is_mended(bench: Bench):
    a, b = await bench.app.dispatch("both", "a"), await bench.app.dispatch("both", "b")
    bench.database.edit(*SWAP, a=a.workflow_id, b=b.workflow_id)

    async with bench.app.worker():
        for run in (a, b):
            view = await bench.until(run, RunStatus.WAITING)
            assert (view.status, view.reason) == HELD
        assert bench.done == []

        bench.database.edit(*SWAP, a=a.workflow_id, b=b.workflow_id)
        for run in (a, b):
            await run.retry()
            assert (await run.result(timeout=20)).status is RunStatus.COMPLETED

    assert sorted(bench.done) == ["first for a", "first for b", "second for a", "second for b"]


async def test_a_worker_executes_nothing_that_another_activity_is_served_for(bench: Bench):
    run = await bench.app.dispatch("both", "mine")
    bench.database.edit("UPDATE step_executions SET step = 'other' WHERE workflow_id = '{run}'", run=run.workflow_id)

    async with bench.app.worker(activities=["other"]):
        view = await bench.until(run, RunStatus.WAITING)

    assert (view.status, view.reason) == HELD
    assert bench.done == []


@pytest.mark.parametrize("compensate", [False, True])
async def test_a_run_that_was_tampered_with_can_be_cancelled(bench: Bench, *, compensate: bool):
    run = await bench.app.dispatch("both", "mine")
    bench.database.edit("UPDATE step_executions SET step = 'other' WHERE workflow_id = '{run}'", run=run.workflow_id)
    async with bench.app.worker():
        await bench.until(run, RunStatus.WAITING)

        await run.cancel(compensate=compensate)
        result = await run.result(timeout=20)

    assert result.status is RunStatus.CANCELLED
    view = await run.view()
    assert view.error is not None
    assert "the message of position 1 was tampered with: its row and its message differ" in view.error.message
    assert bench.done == []


async def test_what_is_undone_is_held_too(bench: Bench):
    """The second step fails; what its undoing is to undo was edited before a worker came to it."""
    run = await bench.app.dispatch("both", "fail at second")
    async with bench.app.worker(activities=["first"]):
        await eventually(lambda: _waits_for(run, position=2), within=20)
    async with bench.app.worker(activities=["second"]):
        await eventually(lambda: _waits_for(run, position=3), within=20)
    undoing = "WHERE workflow_id = '{run}' AND position = 3"
    bench.database.edit(f"UPDATE step_executions SET undoes_position = 2 {undoing}", run=run.workflow_id)

    async with bench.app.worker(activities=["first"]):
        view = await bench.until(run, RunStatus.WAITING)
        assert (view.status, view.reason) == HELD
        assert "undone hop" in view.steps[-1].errors[-1].message
        assert not any(done.startswith("undo") for done in bench.done)

        bench.database.edit(f"UPDATE step_executions SET undoes_position = 1 {undoing}", run=run.workflow_id)
        await run.retry()
        assert (await run.result(timeout=20)).status is RunStatus.COMPENSATED

    assert bench.done[-1] == "undo first for fail at second"


@pytest.mark.parametrize("column", ["output", "log", "undo_before"])
async def test_what_was_left_to_be_undone_and_is_spoilt_keeps_no_worker_from_other_runs(bench: Bench, column: str):
    runs = [await bench.app.dispatch("both", "fail at second") for _ in range(3)]
    async with bench.app.worker(activities=["first"]):
        for run in runs:
            await eventually(lambda run=run: _waits_for(run, position=2), within=20)
    async with bench.app.worker(activities=["second"]):
        for run in runs:
            await eventually(lambda run=run: _waits_for(run, position=3), within=20)
    spoil = f"UPDATE step_executions SET {column} = '{{{{' WHERE workflow_id = '{{run}}' AND position = 1"
    bench.database.edit(spoil, run=runs[1].workflow_id)

    async with bench.app.worker(activities=["first"]):
        others = [await run.result(timeout=20) for run in (runs[0], runs[2])]
        if column == "undo_before":  # what else is to be undone, nobody knows
            view = await bench.until(runs[1], RunStatus.WAITING)
            assert (view.status, view.reason) == HELD
            assert "cannot be read any more" in view.steps[-1].errors[-1].message
        else:  # its undoing asks for neither
            view = await bench.until(runs[1], RunStatus.COMPENSATED)

    assert [result.status for result in others] == [RunStatus.COMPENSATED] * 2
    assert column != "output" or str(view.steps[0].output).startswith("(the store has no value")


async def _waits_for(run: Run, *, position: int) -> bool:
    steps = (await run.view()).steps
    return len(steps) == position and steps[-1].status is StepStatus.PENDING


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # the others take no text where bytes belong
async def test_bytes_that_were_made_a_text_stop_nobody_else(bench: Bench):
    run, other = await bench.app.dispatch("both", "mine"), await bench.app.dispatch("both", "another")
    edit = "UPDATE step_executions SET body = replace(body, 'mine', 'yours') WHERE workflow_id = '{run}'"
    bench.database.edit(edit, run=run.workflow_id)

    async with bench.app.worker():
        view = await bench.until(run, RunStatus.WAITING)
        await other.result(timeout=20)

    assert (view.status, view.reason) == HELD
    assert bench.done == ["first for another", "second for another"]
