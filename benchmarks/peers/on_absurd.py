"""Absurd: tasks with checkpointed steps in PostgreSQL, by its stored procedures; polled every 50 ms."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
from absurd_sdk import AsyncAbsurd
from tasks import perform
from workload import Flight, Job

POLL = 0.05
QUEUE = "bench"
COUNTS = f"SELECT (SELECT count(*) FROM absurd.t_{QUEUE} WHERE state = 'completed'), count(*) FROM absurd.c_{QUEUE}"

job = Job.of_arguments()
flight = Flight(job.in_flight)


class Absurd:
    """Absurd as a system under test."""

    def __init__(self, client: AsyncAbsurd) -> None:
        """Spawn over a connection other than the worker's."""
        self._client = client

    async def dispatch(self, count: int) -> None:
        """Spawn so many runs, one after the other: there is one connection, and no call for many."""
        for _ in range(count):
            await self._client.spawn("bench", {"text": job.text}, queue=QUEUE)

    async def completed(self) -> tuple[int, int]:
        """Count what is recorded."""
        async with await psycopg.AsyncConnection.connect(job.store) as connection:
            runs, steps = await (await connection.execute(COUNTS)).fetchone()
        return runs, steps


async def run(params: dict[str, Any], ctx: Any) -> str:
    """One run."""
    text = params["text"]

    async def step() -> str:
        return text

    async def last() -> str:
        flight.land()
        return text

    for number in range(job.steps - 1):
        text = await ctx.step(f"step{number}", step)
    return await ctx.step("last", last)


async def main() -> None:
    """Do what was asked for, and answer."""
    worker = AsyncAbsurd(job.store, queue_name=QUEUE)
    await worker.create_queue(QUEUE)
    worker.register_task(name="bench")(run)
    client = AsyncAbsurd(job.store, queue_name=QUEUE)
    working = asyncio.create_task(worker.start_worker(concurrency=100, poll_interval=POLL))
    await perform(job, Absurd(client), flight, working)
    worker.stop_worker()
    await working
    await client.close()
    await worker.close()


absurdctl = Path(sys.executable).with_name("absurdctl")
subprocess.run([absurdctl, "init", "--database", job.store], check=True, capture_output=True)
asyncio.run(main())
