"""DBOS: workflows and steps recorded in PostgreSQL, taken from a queue that is polled every 50 ms."""

from __future__ import annotations

import asyncio

import psycopg
from dbos import DBOS
from tasks import perform
from workload import Flight, Job

POLL = 0.05
COUNTS = """
SELECT (SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'),
       (SELECT count(*) FROM dbos.operation_outputs)
"""

job = Job.of_arguments()
flight = Flight(job.in_flight)
DBOS(config={"name": "bench", "system_database_url": job.store, "run_admin_server": False, "log_level": "ERROR"})


@DBOS.step()
async def step(text: str) -> str:
    """Return what it was given."""
    return text


@DBOS.step()
async def last(text: str) -> str:
    """Say that the run has come to its end."""
    flight.land()
    return text


@DBOS.workflow()
async def bench(text: str) -> str:
    """One run."""
    for _ in range(job.steps - 1):
        text = await step(text)
    return await last(text)


class Dbos:
    """DBOS as a system under test."""

    async def dispatch(self, count: int) -> None:
        """Enqueue so many runs, all at once: each goes through a thread of DBOS's own."""
        await asyncio.gather(*(DBOS.enqueue_workflow_async("bench", bench, job.text) for _ in range(count)))

    async def completed(self) -> tuple[int, int]:
        """Count what is recorded."""
        async with await psycopg.AsyncConnection.connect(job.store) as connection:
            runs, steps = await (await connection.execute(COUNTS)).fetchone()
        return runs, steps


async def main() -> None:
    """Do what was asked for, and answer."""
    DBOS.launch()
    await DBOS.register_queue_async("bench", polling_interval_sec=POLL)
    await perform(job, Dbos(), flight)
    DBOS.destroy()


asyncio.run(main())
