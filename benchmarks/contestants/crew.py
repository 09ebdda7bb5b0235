"""Paigeant with workers in processes of their own: throughput of several, an idle one's CPU, one's memory."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from sys import executable

from loops.counts import counts, waiting
from meter import Window, rss
from workload import Job, answer, plan_of

from paigeant import Paigeant, Workflow
from paigeant.config import Settings

SERVES = Path(__file__).with_name("serves.py")
PATIENCE = 150.0
LOOKS = 0.02
"""Seconds between looks into the database, which cost it something too."""
SETTLES = 3.0
"""Seconds until a worker that has nothing to do has no more to tidy up."""


class Crew:
    """Who dispatches, and the workers that execute."""

    def __init__(self, job: Job, app: Paigeant, workers: list[int]) -> None:
        """Do what the job says."""
        self._job = job
        self._app = app
        self._workers = workers
        self._done = 0

    async def run(self) -> None:
        """Warm up, do what was asked for, and answer."""
        async with asyncio.timeout(PATIENCE):
            await self._complete(self._job.warm)
            match self._job.task:
                case "idle":
                    await self._idle()
                case "memory":
                    await self._memory()
                case _:
                    await self._throughput()

    async def _throughput(self) -> None:
        steps = self._job.runs * self._job.steps
        with Window([os.getpid(), *self._workers], self._job.servers) as window:
            await self._complete(self._job.runs)
        answer(**window.as_result(steps))

    async def _idle(self) -> None:
        """Watch one that has worked, and has nothing more to do."""
        await asyncio.sleep(SETTLES)
        with Window(self._workers, self._job.servers) as window:
            await asyncio.sleep(self._job.seconds)
        shares = [100 * used / window.seconds for used in (window.worker_cpu, window.server_cpu)]
        answer(worker_percent=shares[0], server_percent=shares[1], rss_mb=self._resident())

    async def _memory(self) -> None:
        """Look at a worker before, with a tenth of the runs that wait, and with all of them."""
        before, few, many = self._resident(), self._job.runs // 10, self._job.runs
        sizes: list[float] = []
        for number in (few, many - few):
            await self._app.dispatch_many("waits", [{"text": self._job.text}] * number)
            while await waiting(self._job.store) < (few if not sizes else many):
                await asyncio.sleep(LOOKS)
            await asyncio.sleep(SETTLES)
            sizes.append(self._resident())
        answer(before_mb=before, few=few, few_mb=sizes[0], many=many, many_mb=sizes[1])

    async def _complete(self, runs: int) -> None:
        self._done += runs
        await self._app.dispatch_many("bench", [{"text": self._job.text}] * runs)
        while (await counts(self._job.store))[0] < self._done:
            await asyncio.sleep(LOOKS)

    def _resident(self) -> float:
        return sum(map(rss, self._workers))


@asynccontextmanager
async def hired(job: Job) -> AsyncIterator[list[int]]:
    """Start the workers; yield their process ids when all of them serve, and end them."""
    workers: list[Process] = []
    try:
        for _ in range(job.workers):
            worker = await asyncio.create_subprocess_exec(
                executable, SERVES, job.as_argument(), stdin=PIPE, stdout=PIPE
            )
            workers.append(worker)
        for worker in workers:
            assert worker.stdout is not None
            if await worker.stdout.readline() != b"serving\n":
                raise RuntimeError("a worker did not start")
        yield [worker.pid for worker in workers]
    finally:
        for worker in workers:
            if worker.stdin is not None:
                worker.stdin.close()  # it ends with its input
        for worker in workers:
            await worker.wait()


async def main(job: Job) -> None:
    """Do what was asked for, and answer."""
    workflows = [Workflow("bench", plan_of(job)), Workflow("waits", ["waits"])]
    settings = Settings(store=job.store, transport=job.transport)
    async with Paigeant(workflows=workflows, settings=settings) as app, hired(job) as workers:
        await Crew(job, app, workers).run()


asyncio.run(main(Job.of_arguments()))
