"""Hot statements say and read the same as those that SQLAlchemy executes, for one row and for many."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import bindparam, func, select, update

from paigeant.model.values.values import inline
from paigeant.sql.execution.database import Database
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.postgres.database import PostgresDatabase
from paigeant.sql.schema.installation import dead_letters, workers
from paigeant.sql.schema.tables import workflow_runs, workflow_variables
from paigeant.sql.sqlite.database import SqliteDatabase

NOW = datetime(2026, 11, 25, 12, 30, 0, 250_000, UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(
    request: pytest.FixtureRequest, tmp_path: Path, new_postgres: Callable[..., str]
) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        made: Database = SqliteDatabase(f"sqlite:///{tmp_path}/paigeant.db", "default")
    else:
        made = PostgresDatabase(new_postgres(), "default")
    await made.open()
    yield made
    await made.close()


def run_row(n: int) -> dict[str, Any]:
    return {
        "workflow_id": uuid4(),
        "namespace": "default",
        "workflow": f"w{n}",
        "trace_id": "0" * 32,
        "input": inline({"n": [n, None, "ü"]}),
        "input_sha256": "",
        "status": "pending",
        "created_at": NOW + timedelta(seconds=n),
        "deadline": NOW if n % 2 else None,
    }


@pytest.mark.parametrize("count", [1, 2, 70])
async def test_many_rows_are_written_and_read_as_they_are(database: Database, count: int):
    rows = [run_row(n) for n in range(count)]
    columns = [workflow_runs.c[name] for name in rows[0]]

    await database.write(lambda tx: tx.many(PreparedStatement(workflow_runs.insert()), rows))
    query = select(*columns).order_by(workflow_runs.c.number)
    hot = await database.read(lambda tx: [tuple(row) for row in tx.rows(PreparedStatement(query))])
    slow = await database.read(lambda tx: [tuple(row) for row in tx.rows(query)])

    assert hot == [tuple(row.values()) for row in rows]
    assert hot == slow


async def test_each_row_is_changed_by_its_own_parameters(database: Database):
    rows = [run_row(n) for n in range(3)]
    runs = workflow_runs.c
    change = PreparedStatement(
        update(workflow_runs)
        .where(runs.workflow_id == bindparam("b_id"))
        .values(status="running", workflow=runs.workflow + bindparam("b_more"), output=bindparam("b_output"))
    )

    def write(tx: Tx) -> None:
        tx.many(PreparedStatement(workflow_runs.insert()), rows)
        wanted = zip(rows, ("x", "y"), (None, inline([1])), strict=False)
        tx.many(change, [{"b_id": row["workflow_id"], "b_more": more, "b_output": out} for row, more, out in wanted])

    await database.write(write)
    query = PreparedStatement(select(runs.workflow, runs.status, runs.output).order_by(runs.number))
    found = await database.read(lambda tx: [tuple(row) for row in tx.rows(query)])

    assert found == [("w0x", "running", None), ("w1y", "running", inline([1])), ("w2", "pending", None)]


async def test_a_list_within_a_row_stays_one_value(database: Database):
    def write(tx: Tx) -> None:
        shared = {"namespace": "default", "host": "h", "pid": 1, "seen_at": tx.now}
        tx.upsert(workers, [{**shared, "id": name, "topics": ("a", name)} for name in ("b", "c")])

    await database.write(write)
    query = PreparedStatement(select(workers.c.topics).order_by(workers.c.id))

    assert await database.read(lambda tx: [row.topics for row in tx.rows(query)]) == [("a", "b"), ("a", "c")]


async def test_an_upsert_overwrites_and_an_addition_does_not(database: Database):
    run = run_row(0)
    key = {"workflow_id": run["workflow_id"], "name": "n", "path": "", "position": 1, "updated_at": NOW}

    def write(tx: Tx) -> None:
        tx.many(PreparedStatement(workflow_runs.insert()), [run])
        tx.add(workflow_variables, [{**key, "value": inline(1)}])
        tx.add(workflow_variables, [{**key, "value": inline(2)}])

    await database.write(write)
    query = PreparedStatement(select(workflow_variables.c.value))
    assert await database.read(lambda tx: tx.scalar(query)) == inline(1)

    await database.write(lambda tx: tx.upsert(workflow_variables, [{**key, "value": inline(3)}]))
    assert await database.read(lambda tx: tx.scalar(query)) == inline(3)


async def test_nothing_found_is_none_and_no_rows_are_no_statement(database: Database):
    query = PreparedStatement(select(func.min(dead_letters.c.id)))

    await database.write(lambda tx: tx.many(PreparedStatement(dead_letters.insert()), []))

    assert await database.read(lambda tx: tx.scalar(query)) is None
    assert await database.read(lambda tx: tx.rows(PreparedStatement(select(dead_letters.c.id)))) == []
