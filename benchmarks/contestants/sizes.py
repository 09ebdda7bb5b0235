"""The bytes of Paigeant's messages, read in the store: with steps ahead of them, and with steps behind them."""

from __future__ import annotations

import asyncio
import sqlite3

from loops.counts import waiting
from workload import Job, answer

from paigeant import ActivityRegistry, Paigeant, Parked, Workflow
from paigeant.config import Settings

activity = ActivityRegistry()


@activity.execute()
async def step(text: str) -> str:
    """Return what it was given."""
    return text


@activity.execute()
async def waits(text: str) -> Parked:
    """Stay, with the message that asked for it."""
    del text
    return Parked("for the benchmark")


async def main(job: Job) -> None:
    """Send one run on its way, up to its last step, which waits; answer how large its first and last messages were."""
    workflow = Workflow("bench", ["step"] * (job.steps - 1) + ["waits"])
    async with Paigeant(activity, workflows=[workflow], settings=Settings(store=job.store)) as app:
        await app.dispatch("bench", {"text": job.text})
        first = await asyncio.to_thread(latest, job.store)
        async with asyncio.timeout(60), app.worker():
            while not await waiting(job.store):
                await asyncio.sleep(0.02)
        answer(first_bytes=first, last_bytes=await asyncio.to_thread(latest, job.store))


def latest(store: str) -> int:
    """Return the bytes of the message of the newest step."""
    connection = sqlite3.connect(store.removeprefix("sqlite:///"))
    try:
        [[size]] = connection.execute(
            "SELECT length(body) FROM step_executions ORDER BY position DESC LIMIT 1"
        ).fetchall()
    finally:
        connection.close()
    return size


asyncio.run(main(Job.of_arguments()))
