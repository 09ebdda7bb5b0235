"""How many runs and steps Paigeant has recorded as completed, counted in the database without Paigeant."""

from __future__ import annotations

import asyncio
import sqlite3

import asyncpg

COUNTS = """
SELECT (SELECT count(*) FROM workflow_runs WHERE status = 'completed'),
       (SELECT count(*) FROM step_executions WHERE status = 'completed')
"""


async def counts(store: str) -> tuple[int, int]:
    """Return runs and steps."""
    if store.startswith("sqlite"):
        return await asyncio.to_thread(_in_file, store.removeprefix("sqlite:///"))
    connection = await asyncpg.connect(store)
    try:
        runs, steps = await connection.fetchrow(COUNTS)
    finally:
        await connection.close()
    return runs, steps


def _in_file(path: str) -> tuple[int, int]:
    connection = sqlite3.connect(path)
    try:
        runs, steps = connection.execute(COUNTS).fetchone()
    finally:
        connection.close()
    return runs, steps
