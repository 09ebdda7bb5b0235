"""A worker of Paigeant until its standard input ends; says ``serving`` when it does."""

from __future__ import annotations

import asyncio
import sys

from tasks import run
from workload import Job

from paigeant import ActivityRegistry, Paigeant, Parked
from paigeant.config import Settings

activity = ActivityRegistry()


@activity.execute()
async def step(text: str) -> str:
    """Return what it was given."""
    return text


@activity.execute()
async def last(text: str) -> str:
    """Return what it was given."""
    return text


@activity.execute()
async def waits(text: str) -> Parked:
    """Wait until somebody resumes it, and nobody does."""
    del text
    return Parked("for the benchmark")


async def main(job: Job) -> None:
    """Serve."""
    settings = Settings(store=job.store, transport=job.transport)
    async with Paigeant(activity, settings=settings) as app, app.worker(concurrency=job.slots):
        if "pydantic_ai" in sys.modules:
            raise RuntimeError("pydantic_ai was imported by a worker that has no agent")
        print("serving", flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)


run(main(Job.of_arguments()))
