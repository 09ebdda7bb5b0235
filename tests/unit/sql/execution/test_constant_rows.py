"""Many rows go into SQLite in few statements, as if each had been written by itself, and are found by their keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import bindparam, select, update

from paigeant.model.values.values import inline
from paigeant.sql.execution.constant_rows import MOST
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import workflow_variables
from paigeant.sql.sqlite.database import SqliteDatabase

RUN = uuid4()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    made = SqliteDatabase(f"sqlite:///{tmp_path}/paigeant.db", "default")
    await made.open()
    yield made
    await made.close()


@pytest.mark.parametrize("count", [1, 2, 8, 9, MOST, MOST + 1, 3 * MOST + 5])
async def test_as_many_rows_are_changed_as_were_written(database: SqliteDatabase, count: int):
    table = workflow_variables
    change = PreparedStatement(
        update(table)
        .where(table.c.name == bindparam("b_name"), table.c.path == bindparam("b_path"))
        .values(position=table.c.position + bindparam("b_more"), path="1.0")
    )
    rows = [{"workflow_id": RUN, "path": "", "position": n, "name": f"n{n}", "value": inline(n)} for n in range(count)]

    def write(tx: Tx) -> tuple[int, int, list[tuple[Any, ...]]]:
        tx.connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        added = tx.add(table, [row | {"updated_at": tx.now} for row in rows])
        again = tx.add(table, [row | {"updated_at": tx.now} for row in rows])
        assert again == 0, "they are there"
        given = [{"b_name": f"n{n}", "b_path": "", "b_more": 1_000} for n in range(count + 3)]
        changed = tx.many(change, given)
        found = tx.rows(PreparedStatement(select(table.c.name, table.c.position, table.c.path)))
        tx.connection.exec_driver_sql("DELETE FROM " + table.name)
        return added, changed, [tuple(row) for row in found]

    added, changed, found = await database.write(write)

    assert (added, changed) == (count, count)
    assert sorted(found) == sorted((f"n{n}", n + 1_000, "1.0") for n in range(count))
