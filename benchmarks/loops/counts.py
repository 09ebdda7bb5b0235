"""How many runs and steps Paigeant has recorded as completed, counted in the database without Paigeant."""

from __future__ import annotations

import asyncio
import sqlite3

import asyncpg

COUNTS = """
SELECT (SELECT count(*) FROM workflow_runs WHERE status = 'completed'),
       (SELECT count(*) FROM step_executions WHERE status = 'completed')
"""


WAITING = "SELECT count(*), 0 FROM step_executions WHERE status = 'waiting'"
LARGEST = "SELECT max(length(body)), 0 FROM step_executions WHERE step = '{step}'"


async def counts(store: str) -> tuple[int, int]:
    """Return runs and steps."""
    return await _two(store, COUNTS)


async def waiting(store: str) -> int:
    """Return how many steps and nodes wait."""
    return (await _two(store, WAITING))[0]


async def largest(store: str, step: str) -> int:
    """Return the bytes of the largest message of a step."""
    return (await _two(store, LARGEST.format(step=step)))[0]


async def _two(store: str, question: str) -> tuple[int, int]:
    if store.startswith("sqlite"):
        return await asyncio.to_thread(_in_file, store.removeprefix("sqlite:///"), question)
    connection = await asyncpg.connect(store, server_settings={"search_path": "paigeant"})
    try:
        runs, steps = await connection.fetchrow(question)
    finally:
        await connection.close()
    return runs, steps


def _in_file(path: str, question: str) -> tuple[int, int]:
    connection = sqlite3.connect(path)
    try:
        runs, steps = connection.execute(question).fetchone()
    finally:
        connection.close()
    return runs, steps
