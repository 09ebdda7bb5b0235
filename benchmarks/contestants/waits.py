"""Many runs that wait, in one process: what they cost a worker and another run, and how fast all of them go on."""

from __future__ import annotations

import asyncio
import os
from statistics import median
from time import perf_counter

from loops.counts import counts, waiting
from meter import Window
from tasks import run
from workload import Job, answer

from paigeant import ActivityRegistry, Paigeant, Run, Signal, Wait, Workflow
from paigeant.config import Settings

PATIENCE = 800.0
BATCH = 1000
SETTLES = 5.0
"""Seconds until a worker that has nothing to do has no more to tidy up."""


class Waits:
    """Has runs wait for a signal, and sends it."""

    def __init__(self, job: Job, app: Paigeant) -> None:
        """Do what the job says."""
        self._job, self._app = job, app

    async def compare(self) -> None:
        """Look before any run waits, while all do, and while a tenth of them is signalled; answer."""
        job = self._job
        await self._latency()
        alone = await self._latency()
        runs = await self._begin(job.runs)
        await asyncio.sleep(SETTLES)
        beside = await self._latency()
        with Window([os.getpid()], job.servers) as window:
            await asyncio.sleep(job.seconds)
        signalled = runs[: max(1, job.runs // 10)]
        seconds = await self._signal(signalled)
        answer(
            waiting=job.runs,
            worker_percent=100 * window.worker_cpu / window.seconds,
            alone_ms=alone,
            beside_ms=beside,
            signalled=len(signalled),
            resumed_seconds=seconds,
        )

    async def _begin(self, count: int) -> list[Run]:
        runs: list[Run] = []
        while len(runs) < count:
            runs += await self._app.dispatch_many("waits", [{"text": self._job.text}] * min(BATCH, count - len(runs)))
        while await waiting(self._job.store) < count:
            await asyncio.sleep(0.2)
        return runs

    async def _signal(self, runs: list[Run]) -> float:
        """Return the seconds from the first signal until the last of these runs has completed."""
        before, began = (await counts(self._job.store))[0], perf_counter()
        for start in range(0, len(runs), BATCH):
            await self._app.signal_many([Signal(run.workflow_id, "go") for run in runs[start : start + BATCH]])
        while (await counts(self._job.store))[0] < before + len(runs):
            await asyncio.sleep(0.02)
        return perf_counter() - began

    async def _latency(self) -> float:
        """Return the median milliseconds of a run of three steps, one at a time."""
        taken: list[float] = []
        for number in range(self._job.samples):
            await asyncio.sleep(0.01 + number % 7 / 1000)
            began = perf_counter()
            await (await self._app.dispatch("row", {"text": self._job.text})).result(timeout=30)
            taken.append(1000 * (perf_counter() - began))
        return median(taken)


async def main(job: Job) -> None:
    """Do what was asked for, and answer."""
    activity = ActivityRegistry()

    @activity.execute()
    async def step(text: str) -> str:
        return text

    workflows = [Workflow("row", ["step"] * 3), Workflow("waits", [Wait("go"), "step"])]
    settings = Settings(store=job.store, transport=job.transport)
    async with (
        asyncio.timeout(PATIENCE),
        Paigeant(activity, workflows=workflows, settings=settings) as app,
        app.worker(concurrency=job.slots),
    ):
        await Waits(job, app).compare()


run(main(Job.of_arguments()))
