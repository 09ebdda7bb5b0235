"""PgQueuer: jobs in PostgreSQL. It knows no workflows: each step enqueues the next, and results are not kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
from pgqueuer import AsyncpgDriver, AsyncpgPoolDriver, QueueManager
from pgqueuer.models import Job as PgJob
from pgqueuer.queries import Queries
from tasks import perform
from workload import Flight, Job, plan_of

BATCH = 32
COUNTS = """
SELECT count(*) FILTER (WHERE entrypoint = 'step%d'), count(*) FROM pgqueuer_log WHERE status = 'successful'
"""

job = Job.of_arguments()
flight = Flight(job.in_flight)


class PgQueuer:
    """PgQueuer as a system under test."""

    def __init__(self, queries: Queries, connection: asyncpg.Connection) -> None:
        """Enqueue over a connection other than the worker's."""
        self._queries = queries
        self._connection = connection

    async def dispatch(self, count: int) -> None:
        """Enqueue so many runs with one statement."""
        await self._queries.enqueue(["step0"] * count, [job.text.encode()] * count, [0] * count)

    async def completed(self) -> tuple[int, int]:
        """Count the jobs in its log."""
        runs, steps = await self._connection.fetchrow(COUNTS % (job.steps - 1))
        return runs, steps


async def main() -> None:
    """Do what was asked for, and answer."""
    async with asyncpg.create_pool(job.store, min_size=2, max_size=10) as pool:
        connection = await asyncpg.connect(job.store)
        queries = Queries(AsyncpgDriver(connection))
        await queries.install()
        following = Queries(AsyncpgPoolDriver(pool))
        manager = QueueManager(Queries(AsyncpgPoolDriver(pool)))
        for number, _ in enumerate(plan_of(job)):
            manager.entrypoint(f"step{number}")(_entrypoint(number, following))
        working = asyncio.create_task(manager.run(dequeue_timeout=timedelta(seconds=1), batch_size=BATCH))
        await perform(job, PgQueuer(queries, connection), flight, working)
        manager.shutdown.set()
        await working
        await connection.close()


def _entrypoint(number: int, queries: Queries) -> Callable[[PgJob], Awaitable[None]]:
    async def step(job_: PgJob) -> None:
        if number == job.steps - 1:
            flight.land()
        else:
            await queries.enqueue(f"step{number + 1}", job_.payload)

    return step


asyncio.run(main())
