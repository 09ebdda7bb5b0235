"""A database that the version before has made is upgraded, and what ended in it is readable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from paigeant.abc import Store
from paigeant.app.choosing import choose_schema
from paigeant.config import Settings
from paigeant.model.runs import Direction, RunStatus, StepStatus
from paigeant.model.values import inline
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

Tell = Callable[..., None]


@pytest.fixture(params=["sqlite", "postgresql"])
def older(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Callable[..., Store]]:
    """Return the URL of a database of schema 0005 with a run that has ended, and its store."""
    postgres = request.param == "postgresql"
    url: str = request.getfixturevalue("new_postgres")(empty=True) if postgres else f"sqlite:///{tmp_path}/older.db"
    with monkeypatch.context() as patch:
        patch.setattr(schema, "HEAD", "0005")
        choose_schema(Settings(store=url)).upgrade()
    at = "to_timestamp(1700000000)" if postgres else "1700000000.0"
    rows = [line.format(run=RUN, done=DONE, failed=FAILED, at=at) for line in OF_THE_VERSION_BEFORE]
    if postgres:
        request.getfixturevalue("tell_postgres")("SET search_path TO paigeant", *rows, on=url)
        return url, PostgresStore
    with SqliteDatabase(url, "default").connect() as connection:
        for row in rows:
            connection.exec_driver_sql(row)
        connection.commit()
    return url, SqliteStore


async def test_a_finished_run_is_readable_after_the_upgrade(older: tuple[str, Callable[..., Store]]):
    url, store_of = older

    await asyncio.to_thread(choose_schema(Settings(store=url)).upgrade)

    async with store_of(url) as store:
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
        [listed] = (await store.list_runs(status=RunStatus.COMPENSATED)).runs
        assert listed.workflow_id == UUID(RUN)
