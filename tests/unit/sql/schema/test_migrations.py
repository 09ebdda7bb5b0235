"""A database that the version before has made is upgraded, and what ended in it is readable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest

from paigeant.abc import Schema, Store
from paigeant.app.choosing import choose_schema
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.model.runs import Direction, RunStatus, StepStatus
from paigeant.model.stored.run_filter import RunFilter
from paigeant.model.values.values import inline
from paigeant.sql.schema import version as schema
from paigeant.sql.sqlite.database import SqliteDatabase
from paigeant.stores.postgresql import PostgresStore
from paigeant.stores.sqlite import SqliteStore

RUN, DONE, FAILED = (UUID(int=n).hex for n in (1, 2, 3))
OF_THE_VERSION_BEFORE = (
    """INSERT INTO workflow_runs (workflow_id, namespace, workflow, trace_id, input, input_sha256, status, created_at,
        started_at, completed_at, error) VALUES ('{run}', 'default', 'article', 'cafe', '{{"value": 1}}', 'feed',
        'compensated', {at}, {at}, {at}, '{{"type": "E","message": "no","step": "b","position": 2}}')""",
    """INSERT INTO step_executions (workflow_id, path, position, namespace, topic, step_id, direction, undoes, status,
        attempt, interruptions, fence, hint_at, hints, completed_at, output, compensable, undo_before, errors)
        VALUES ('{run}', '', 1, 'default', 'a', '{done}', 'execute', NULL, 'completed', 1, 0, 1, {at}, 0, {at},
            '{{"value": "x"}}', true, NULL, NULL),
        ('{run}', '', 2, 'default', 'b', '{failed}', 'execute', NULL, 'failed', 1, 0, 1, {at}, 0, {at}, NULL, false,
            '{{"position": 1,"activity": "a","step_id": "{done}","unknown": false}}',
            '[{{"type": "E","message": "no","attempt": 1,"at": "2026-01-01T00:00:00Z"}}]'),
        ('{run}', '', 3, 'default', 'a', '{done}', 'compensate', 1, 'completed', 1, 0, 1, {at}, 0, {at}, NULL, false,
            NULL, NULL)""",
    """INSERT INTO workflow_variables (workflow_id, name, value, updated_at)
        VALUES ('{run}', 'a', '{{"value": "x"}}', {at})""",
)

IN_FLIGHT = """INSERT INTO workflow_runs (workflow_id, namespace, workflow, trace_id, input, input_sha256, status,
    created_at) VALUES ('{run}', 'default', 'article', 'cafe', '{{"value": 1}}', 'feed', '{status}', {at})"""


class Older(NamedTuple):
    """A database of schema 0005 with a run that has ended, its store, and what executes statements in it."""

    url: str
    store_of: Callable[..., Store]
    execute: Callable[..., None]
    at: str

    def schema(self) -> Schema:
        return choose_schema(Settings(store=self.url))

    def store(self) -> Store:
        return self.store_of(self.url)


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Older:
    postgres = request.param == "postgresql"
    url: str = request.getfixturevalue("new_postgres")(empty=True) if postgres else f"sqlite:///{tmp_path}/older.db"
    with monkeypatch.context() as patch:
        patch.setattr(schema, "HEAD", "0005")
        choose_schema(Settings(store=url)).upgrade()
    if postgres:
        tell = request.getfixturevalue("tell_postgres")
        made = Older(url, PostgresStore, partial(_tell, tell, url), "to_timestamp(1700000000)")
    else:
        made = Older(url, SqliteStore, partial(_execute, url), "1700000000.0")
    made.execute(*(line.format(run=RUN, done=DONE, failed=FAILED, at=made.at) for line in OF_THE_VERSION_BEFORE))
    return made


def _tell(tell: Callable[..., None], url: str, *statements: str) -> None:
    tell("SET search_path TO paigeant", *statements, on=url)


def _execute(url: str, *statements: str) -> None:
    with SqliteDatabase(url, "default").connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()


async def test_a_finished_run_is_readable_after_the_upgrade(older: Older):
    await asyncio.to_thread(older.schema().upgrade)

    async with older.store() as store:
        run = await store.get_run(UUID(RUN))
        assert (run.status, run.reason, run.variables) == (RunStatus.COMPENSATED, None, {"a": "x"})
        assert run.error is not None
        assert (run.error.path, run.error.position) == ("", 2)
        assert [(step.step, step.direction, step.status, step.output, len(step.errors)) for step in run.steps] == [
            ("a", Direction.EXECUTE, StepStatus.COMPLETED, "x", 0),
            ("b", Direction.EXECUTE, StepStatus.FAILED, None, 1),
            ("a", Direction.COMPENSATE, StepStatus.COMPLETED, None, 0),
        ]
        assert await store.load_variable(UUID(RUN), "a") == inline("x")
        [listed] = (await store.list_runs(RunFilter(status=(RunStatus.COMPENSATED,)))).runs
        assert listed.workflow_id == UUID(RUN)


@pytest.mark.parametrize(("statuses", "said"), [(["waiting"], "1 run is"), (["pending", "running"], "2 runs are")])
def test_a_database_with_runs_in_flight_is_left_as_it_is(older: Older, statuses: list[str], said: str):
    runs = [UUID(int=100 + number).hex for number in range(len(statuses))]
    made = zip(runs, statuses, strict=True)
    older.execute(*(IN_FLIGHT.format(run=run, status=status, at=older.at) for run, status in made))

    with pytest.raises(ConfigError, match=f"{said} in flight.*paigeant runs.*paigeant terminate"):
        older.schema().upgrade()

    with pytest.raises(ConfigError, match="has schema 0005"):
        older.schema().check()
    ended = f"UPDATE workflow_runs SET status = 'terminated', completed_at = {older.at} WHERE completed_at IS NULL"
    older.execute("SELECT topic, contract, undoes FROM step_executions", ended)
    older.schema().upgrade()
    older.schema().check()
