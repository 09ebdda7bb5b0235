"""The raw loop: throughput, and the latency of one idle run."""

from __future__ import annotations

import asyncio
import os
from time import perf_counter

from loops.backend import backend
from loops.raw import RawLoop
from meter import Window
from workload import Job, answer


async def main(job: Job) -> None:
    """Do what was asked for, and answer."""
    async with backend(job.store, job.transport) as there:
        loop = RawLoop(there, job.steps)
        await loop.run(job.warm, job.text)
        if job.task == "latency":
            answer(milliseconds=[1000 * await _one(loop, job, number) for number in range(job.runs)])
            return
        steps = job.runs * job.steps
        with Window([os.getpid()], job.servers) as window:
            await loop.run(job.runs, job.text)
        done = await there.steps.completed()
        if done != (job.warm + job.runs, job.warm * job.steps + steps):
            raise RuntimeError(f"recorded {done}")
        answer(**window.as_result(steps))


async def _one(loop: RawLoop, job: Job, number: int) -> float:
    await asyncio.sleep(0.01 + number % 7 / 1000)
    began = perf_counter()
    await loop.run(1, job.text)
    return loop.reached - began


asyncio.run(main(Job.of_arguments()))
