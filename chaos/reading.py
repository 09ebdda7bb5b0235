"""Reading the store past all code of the engine: plain SQL, on a connection that no proxy stands before."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from chaos.history import Asked, Branch, Charged, History, Hop, Join, Recorded, RunRow, Signalled, value_of
from chaos.load import WITHIN
from paigeant.sql.schema.home import SCHEMA

_OF_RUN = "s.workflow_id = r.workflow_id AND s.completed_at IS NULL"
_STAYS = "s.status = 'waiting' AND s.reason = 'interrupted'"
_GETS_ON = f"EXISTS (SELECT 1 FROM step_executions AS s WHERE {_OF_RUN} AND NOT coalesce({_STAYS}, FALSE))"
"""It has a hop that does not wait for a person: what waits for a signal, a time or a child goes on by itself."""
_RUNS = f"""
    SELECT r.workflow_id, r.workflow,
        coalesce(r.dispatch_key, '{WITHIN}' || (SELECT p.dispatch_key FROM workflow_runs AS p
            WHERE p.workflow_id = r.parent_id)),
        CASE WHEN r.completed_at IS NOT NULL THEN r.status WHEN {_GETS_ON} THEN 'running' ELSE 'waiting' END,
        (SELECT max(s.reason) FROM step_executions AS s WHERE {_OF_RUN}), r.output, r.error, {{completed_at}},
        r.parent_id, r.parent_path, r.parent_position, r.reports_to
    FROM workflow_runs AS r
"""
_HOPS = """
    SELECT workflow_id, path, position, step, step_id, direction, undoes_position, status, attempt, fence, owner,
        worker, {due_at}, {completed_at}, committed_by, reason, output, compensable, kind, undoes_path
    FROM step_executions
"""
_JOINS = """
    SELECT workflow_id, path, position, total, written, released, arrived, completed, closing FROM joins
"""
_BRANCHES = "SELECT workflow_id, path, position, number, branch, place, ended FROM branches"
_SIGNALS = "SELECT workflow_id, signal_id, name, payload, path, position FROM signals ORDER BY number"
_LEDGER = "SELECT workflow_id, step_id, key, input_tokens + output_tokens FROM ledger"
_CHECKPOINTS = "SELECT workflow_id, step_id, key, kind FROM checkpoints"
_APPROVALS = "SELECT workflow_id, step_id, kind, tool, status FROM approvals"
_VARIABLES = "SELECT workflow_id, path, position, name, value FROM workflow_variables"
_TABLES = (
    "workflow_runs",
    "step_executions",
    "workflow_variables",
    "joins",
    "branches",
    "signals",
    "checkpoints",
    "ledger",
)
_ANNOUNCED = """
    SELECT s.body FROM step_executions AS s
    WHERE s.completed_at IS NULL LIMIT 20
"""
_PROGRESS = f"""
    SELECT sum(CASE WHEN r.parent_id IS NULL THEN 1 ELSE 0 END),
        sum(CASE WHEN r.parent_id IS NULL AND r.completed_at IS NOT NULL THEN 1 ELSE 0 END),
        sum(CASE WHEN r.completed_at IS NULL AND {_GETS_ON}
            AND coalesce(r.dispatch_key, '') NOT LIKE 'poison-%' THEN 1 ELSE 0 END)
    FROM workflow_runs AS r
"""
_IN_FLIGHT = """
    SELECT r.workflow_id, r.dispatch_key FROM workflow_runs AS r
    WHERE r.completed_at IS NULL AND (r.dispatch_key LIKE '%ended-%' OR r.dispatch_key LIKE '%cancelled-%')
        AND EXISTS (SELECT 1 FROM step_executions AS s WHERE s.workflow_id = r.workflow_id AND s.fence > 0)
    ORDER BY r.number
"""


class Reader(ABC):
    """Reads one database."""

    @abstractmethod
    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query; times in braces come as seconds."""

    @abstractmethod
    async def damage(self) -> list[str]:
        """Return what the database finds wrong with itself."""

    async def connections(self) -> int:
        """Return how many connections there are besides this one."""
        return 0

    async def progress(self) -> tuple[int, int, int]:
        """Return how many runs there are, how many have ended, and how many are still on their way, but for poison."""
        [(runs, ended, under_way)] = await self.rows(_PROGRESS)
        return runs or 0, ended or 0, under_way or 0

    async def in_flight(self) -> list[tuple[UUID, str]]:
        """Return the runs that are there to be ended and have begun, and of what kind they are."""
        return [(UUID(str(run)), key.rpartition("-")[0]) for run, key in await self.rows(_IN_FLIGHT)]

    async def tree(self, run: UUID) -> list[UUID]:
        """Return a run and its children."""
        found = await self.rows(f"SELECT workflow_id FROM workflow_runs WHERE parent_id = '{self.key(run)}'")
        return [run, *(UUID(str(child)) for (child,) in found)]

    async def hops(self, run: UUID | None = None) -> list[Hop]:
        """Return all hops, or those of a run."""
        hops = [
            _hop(row) for row in await self.rows(_HOPS + (f" WHERE workflow_id = '{self.key(run)}'" if run else ""))
        ]
        return sorted(hops, key=lambda hop: (hop.run, hop.path, hop.position))

    async def announced(self) -> list[bytes]:
        """Return the messages of some hops that are still to be done."""
        return [bytes(body) for (body,) in await self.rows(_ANNOUNCED)]

    def key(self, run: UUID) -> str:
        """Return how this database writes an id."""
        return str(run)

    async def history(self) -> History:
        """Return all runs and hops, and what there is of branches, signals and variables."""
        return History(
            runs=[_run(row) for row in await self.rows(_RUNS)],
            hops=await self.hops(),
            joins=[Join(_id(run), *row) for run, *row in await self.rows(_JOINS)],
            branches=[Branch(_id(run), *row) for run, *row in await self.rows(_BRANCHES)],
            signals=[_signal(row) for row in await self.rows(_SIGNALS)],
            ledger=[Charged(_id(run), _id(step), *row) for run, step, *row in await self.rows(_LEDGER)],
            checkpoints=[Recorded(_id(run), _id(step), *row) for run, step, *row in await self.rows(_CHECKPOINTS)],
            approvals=[Asked(_id(run), _id(step), *row) for run, step, *row in await self.rows(_APPROVALS)],
            variables={
                (_id(run), path, position, name): value_of(value)
                for run, path, position, name, value in await self.rows(_VARIABLES)
            },
            damage=await self.damage(),
        )


class SqliteReader(Reader):
    """Reads an SQLite file."""

    def __init__(self, path: Path) -> None:
        """Read this file."""
        self._path = path

    def key(self, run: UUID) -> str:
        """Return how this database writes an id."""
        return run.hex

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""

        def read() -> list[tuple[Any, ...]]:
            with closing(sqlite3.connect(self._path, timeout=30)) as connection:
                return connection.execute(statement.format(due_at="due_at", completed_at="completed_at")).fetchall()

        return await asyncio.to_thread(read)

    async def damage(self) -> list[str]:
        """Ask for integrity and foreign keys."""
        sound = await self.rows("PRAGMA integrity_check")
        broken = await self.rows("PRAGMA foreign_key_check")
        return [str(row) for row in sound if row != ("ok",)] + [f"foreign key: {row}" for row in broken]


class PostgresReader(Reader):
    """Reads a PostgreSQL database."""

    def __init__(self, url: str) -> None:
        """Read the database at this URL."""
        self._url = url

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        connection = await asyncpg.connect(self._url, timeout=10, server_settings={"search_path": SCHEMA})
        try:
            seconds = {
                name: f"CAST(EXTRACT(EPOCH FROM {name}) AS double precision)" for name in ("due_at", "completed_at")
            }
            return [tuple(row) for row in await connection.fetch(statement.format(**seconds), timeout=60)]
        finally:
            await connection.close()

    async def damage(self) -> list[str]:
        """Read every table from end to end: what is torn cannot be read."""
        for table in _TABLES:
            await self.rows(f"SELECT count(*), max(length(t::text)) FROM {table} AS t")
        return []

    async def connections(self) -> int:
        """Return how many connections there are besides this one."""
        [(count,)] = await self.rows(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return count


def _id(value: Any) -> str:
    return UUID(str(value)).hex


def _run(row: tuple[Any, ...]) -> RunRow:
    run, workflow, key, status, reason, output, error, completed_at, parent, *place = row
    return RunRow(
        *(_id(run), workflow, key, status, reason, value_of(output)),
        *(None if error is None else json.loads(error), completed_at),
        *(None if parent is None else _id(parent), *place),
    )


def _signal(row: tuple[Any, ...]) -> Signalled:
    made = Signalled(*row)
    return made._replace(run=_id(made.run), payload=value_of(made.payload))


def _hop(row: tuple[Any, ...]) -> Hop:
    made = Hop(*row)
    return made._replace(
        run=_id(made.run),
        step_id=_id(made.step_id),
        committed_by=None if made.committed_by is None else _id(made.committed_by),
        output=value_of(made.output),
        compensable=bool(made.compensable),
    )
