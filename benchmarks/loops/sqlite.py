"""Steps in a SQLite file, by the standard library: one transaction an operation, in one thread, FULL as ours."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar
from uuid import UUID

from loops.hops import Done, Hop, Start

T = TypeVar("T")

SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE runs (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, status TEXT NOT NULL, input TEXT NOT NULL, output TEXT,
    created_at REAL NOT NULL DEFAULT (julianday()), completed_at REAL
);
CREATE TABLE steps (
    run BLOB NOT NULL, position INTEGER NOT NULL, fence INTEGER NOT NULL DEFAULT 0, owner TEXT,
    due_at REAL NOT NULL DEFAULT (julianday()), body BLOB NOT NULL, result TEXT, completed_at REAL,
    PRIMARY KEY (run, position)
) WITHOUT ROWID;
CREATE INDEX steps_due ON steps (due_at) WHERE completed_at IS NULL;
"""
LEASED = "owner = 'me', fence = fence + 1, due_at = julianday() + 15.0 / 86400"
CLAIM = f"""
UPDATE steps SET {LEASED} WHERE (run, position) IN (
    SELECT run, position FROM steps WHERE completed_at IS NULL AND due_at <= julianday() ORDER BY due_at LIMIT ?
) RETURNING run, position, fence, body
"""
LEASE = f"""
UPDATE steps SET {LEASED} WHERE run = ? AND position = ? AND completed_at IS NULL AND due_at <= julianday()
RETURNING run, position, fence, body
"""
FINISH = """
UPDATE steps SET completed_at = julianday(), result = ?, owner = NULL
WHERE run = ? AND position = ? AND fence = ? AND completed_at IS NULL
"""
FOLLOW = """
INSERT INTO steps (run, position, fence, owner, due_at, body)
VALUES (?, ?, 1, 'me', julianday() + 15.0 / 86400, ?)
"""
END = "UPDATE runs SET status = 'completed', completed_at = julianday(), output = ? WHERE id = ?"
COUNTS = """
SELECT (SELECT count(*) FROM runs WHERE status = 'completed'),
       (SELECT count(*) FROM steps WHERE completed_at IS NOT NULL)
"""


class SqliteSteps:
    """One connection in one thread; who waits is notified in the process."""

    def __init__(self, path: str) -> None:
        """Open nothing yet."""
        self._path = path
        self._thread = ThreadPoolExecutor(1)
        self._nudged = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Make a new file."""
        await self._do(self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self._do(self._connection.close)
        self._thread.shutdown()

    async def start(self, starts: list[Start]) -> None:
        """Record runs and their first steps."""

        def write() -> None:
            runs = [(run.bytes, text.decode()) for run, text, _ in starts]
            self._connection.executemany("INSERT INTO runs (id, status, input) VALUES (?, 'running', ?)", runs)
            steps = [(run.bytes, body) for run, _, body in starts]
            self._connection.executemany("INSERT INTO steps (run, position, body) VALUES (?, 1, ?)", steps)

        await self._do(lambda: self._transact(write))
        self._nudged.set()

    async def claim(self, limit: int) -> list[Hop]:
        """Lease what is due, without waiting."""
        self._nudged.clear()
        rows = await self._do(lambda: self._transact(lambda: self._connection.execute(CLAIM, (limit,)).fetchall()))
        return [Hop(UUID(bytes=row[0]), *row[1:]) for row in rows]

    async def lease(self, keys: list[tuple[UUID, int]]) -> list[Hop]:
        """Lease these steps, as far as they are free."""

        def write() -> list[Hop]:
            rows = [self._connection.execute(LEASE, (run.bytes, position)).fetchall() for run, position in keys]
            return [Hop(UUID(bytes=row[0]), *row[1:]) for found in rows for row in found]

        return await self._do(lambda: self._transact(write))

    async def finish(self, done: list[Done]) -> list[Hop]:
        """Record results in one transaction; returns the steps that follow, leased already."""

        def write() -> None:
            kept = [(result.decode(), hop.run.bytes, hop.position, hop.fence) for hop, result, _ in done]
            if self._connection.executemany(FINISH, kept).rowcount != len(done):
                raise RuntimeError("a step was not ours any more")
            planned = [(hop.run.bytes, hop.position + 1, body) for hop, _, body in done if body is not None]
            self._connection.executemany(FOLLOW, planned)
            ended = [(result.decode(), hop.run.bytes) for hop, result, body in done if body is None]
            self._connection.executemany(END, ended)

        await self._do(lambda: self._transact(write))
        return [Hop(hop.run, hop.position + 1, 1, body) for hop, _, body in done if body is not None]

    async def wait(self) -> None:
        """Return when something may be due."""
        await self._nudged.wait()

    async def completed(self) -> tuple[int, int]:
        """Return how many runs and how many steps are recorded as completed."""
        runs, steps = await self._do(lambda: self._connection.execute(COUNTS).fetchone())
        return runs, steps

    def _open(self) -> None:
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        self._connection.executescript(SCHEMA)

    def _transact(self, work: Callable[[], T]) -> T:
        self._connection.execute("BEGIN IMMEDIATE")
        result = work()
        self._connection.execute("COMMIT")
        return result

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
