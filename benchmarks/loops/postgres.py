"""Steps in PostgreSQL, by asyncpg: one statement an operation, each its own transaction."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Self
from uuid import UUID

import asyncpg

from loops.hops import Done, Hop, Start

SCHEMA = """
CREATE TABLE runs (
    id uuid PRIMARY KEY, status text NOT NULL, input jsonb NOT NULL, output jsonb,
    created_at timestamptz NOT NULL DEFAULT now(), completed_at timestamptz
);
CREATE TABLE steps (
    run uuid NOT NULL REFERENCES runs, position int NOT NULL, fence int NOT NULL DEFAULT 0, owner text,
    due_at timestamptz NOT NULL DEFAULT now(), body bytea NOT NULL, result jsonb, completed_at timestamptz,
    PRIMARY KEY (run, position)
);
CREATE INDEX steps_due ON steps (due_at) WHERE completed_at IS NULL;
"""
START = """
WITH new AS (SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS new (id, input, body)),
     started AS (INSERT INTO runs (id, status, input) SELECT id, 'running', input::jsonb FROM new),
     planned AS (INSERT INTO steps (run, position, body) SELECT id, 1, body FROM new)
SELECT pg_notify('steps', '')
"""
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT run, position FROM steps WHERE completed_at IS NULL AND due_at <= now()
    ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE steps SET owner = 'me', fence = fence + 1, due_at = now() + interval '15 s'
FROM due WHERE steps.run = due.run AND steps.position = due.position
RETURNING steps.run, steps.position, steps.fence, steps.body
"""
LEASE = """
UPDATE steps SET owner = 'me', fence = fence + 1, due_at = now() + interval '15 s'
FROM unnest($1::uuid[], $2::int[]) AS asked (run, position)
WHERE steps.run = asked.run AND steps.position = asked.position AND completed_at IS NULL AND due_at <= now()
RETURNING steps.run, steps.position, steps.fence, steps.body
"""
FINISH = """
WITH done AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[], $4::text[], $5::bytea[])
        AS done (run, position, fence, result, following)
), kept AS (
    UPDATE steps SET completed_at = now(), result = done.result::jsonb, owner = NULL FROM done
    WHERE steps.run = done.run AND steps.position = done.position AND steps.fence = done.fence AND completed_at IS NULL
    RETURNING done.*
), planned AS (
    INSERT INTO steps (run, position, fence, owner, due_at, body)
    SELECT run, position + 1, 1, 'me', now() + interval '15 s', following FROM kept WHERE following IS NOT NULL
), ended AS (
    UPDATE runs SET status = 'completed', completed_at = now(), output = kept.result::jsonb FROM kept
    WHERE runs.id = kept.run AND kept.following IS NULL
)
SELECT run, position FROM kept WHERE following IS NOT NULL
"""
COUNTS = """
SELECT (SELECT count(*) FROM runs WHERE status = 'completed'),
       (SELECT count(*) FROM steps WHERE completed_at IS NOT NULL)
"""


class PostgresSteps:
    """Three connections: one begins runs, one leases, one finishes; and one that listens."""

    def __init__(self, url: str) -> None:
        """Look at the URL only."""
        self._url = url
        self._nudged = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Connect, and make the tables again."""
        async with AsyncExitStack() as stack:
            self._starting, self._leasing, self._finishing, self._listening = [
                await stack.enter_async_context(_connection(self._url)) for _ in range(4)
            ]
            await self._starting.execute("DROP TABLE IF EXISTS steps, runs")
            await self._starting.execute(SCHEMA)
            await self._listening.add_listener("steps", self._nudge)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self._stack.aclose()

    async def start(self, starts: list[Start]) -> None:
        """Record runs and their first steps."""
        ids, inputs, bodies = zip(*starts, strict=True)
        await self._starting.execute(START, ids, [text.decode() for text in inputs], bodies)

    async def claim(self, limit: int) -> list[Hop]:
        """Lease what is due, without waiting."""
        self._nudged.clear()
        return [Hop(*row) for row in await self._leasing.fetch(CLAIM, limit)]

    async def lease(self, keys: list[tuple[UUID, int]]) -> list[Hop]:
        """Lease these steps, as far as they are free."""
        runs, positions = zip(*keys, strict=True)
        return [Hop(*row) for row in await self._leasing.fetch(LEASE, runs, positions)]

    async def finish(self, done: list[Done]) -> list[Hop]:
        """Record results in one transaction; returns the steps that follow, leased already."""
        hops, results, following = zip(*done, strict=True)
        runs, positions, fences, _ = zip(*hops, strict=True)
        arguments = (runs, positions, fences, [text.decode() for text in results], following)
        rows = await self._finishing.fetch(FINISH, *arguments)
        bodies = {(hop.run, hop.position): body for hop, _, body in done if body is not None}
        return [Hop(run, position + 1, 1, bodies[run, position]) for run, position in rows]

    async def wait(self) -> None:
        """Return when something may be due."""
        await self._nudged.wait()

    async def completed(self) -> tuple[int, int]:
        """Return how many runs and how many steps are recorded as completed."""
        runs, steps = await self._starting.fetchrow(COUNTS)
        return runs, steps

    def _nudge(self, *_: Any) -> None:
        self._nudged.set()


def _connection(url: str) -> Any:
    class Connected:
        async def __aenter__(self) -> Any:
            self._connection = await asyncpg.connect(url)
            return self._connection

        async def __aexit__(self, *_: object) -> None:
            await self._connection.close()

    return Connected()
