"""Paigeant as it is used: `paigeant run` as it comes, its log on, and a client that dispatches a hundred at a time."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from sys import executable
from typing import BinaryIO

from loops.counts import counts
from meter import Window
from workload import Job, answer, plan_of

from paigeant import Paigeant, Workflow
from paigeant.config import Settings
from paigeant.errors import UnknownStep

HANDLERS = """
from paigeant import activity

@activity.execute()
async def step(text: str) -> str:
    return text

@activity.execute()
async def last(text: str) -> str:
    return text
"""
HUNDRED = 100
LOOKS = 0.02
"""Seconds between looks into the database, which cost it something too."""
PATIENCE = 150.0


SHARES = {"some": "0.05", "all": "1"}
"""Of the runs that are traced."""


@asynccontextmanager
async def worker(job: Job, log: BinaryIO) -> AsyncIterator[Process]:
    """Start `paigeant run` in this folder, with its log in a file, and end it."""
    environment = os.environ | {"PAIGEANT_STORE": job.store}
    if job.transport is not None:
        environment["PAIGEANT_TRANSPORT"] = job.transport
    if job.telemetry == "off":
        environment["PAIGEANT_LOG_LEVEL"] = "error"
    command = [executable, "-m", "paigeant", "run", "handlers.py"]
    if job.telemetry not in {"off", "logs"}:
        command += ["--metrics-port", "0"]
    async with AsyncExitStack() as stack:
        if job.telemetry in SHARES:
            address = await stack.enter_async_context(collector())
            environment |= {
                "OTEL_EXPORTER_OTLP_ENDPOINT": address,
                "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                "OTEL_TRACES_SAMPLER_ARG": SHARES[job.telemetry],
            }
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=DEVNULL, stderr=log)
        stack.push_async_callback(end, process)
        yield process


@asynccontextmanager
async def collector() -> AsyncIterator[str]:
    """Start a collector of traces that keeps nothing, in a process of its own; yields its address."""
    script = Path(__file__).with_name("collector.py")
    process = await asyncio.create_subprocess_exec(executable, str(script), stdout=PIPE)
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        await end(process)


async def end(process: Process) -> None:
    """Have a process end, and wait until it has."""
    if process.returncode is None:
        process.terminate()
    await process.wait()


class Client:
    """Who dispatches, in this process."""

    def __init__(self, job: Job, app: Paigeant, working: Process) -> None:
        """Dispatch what the job says to what is working."""
        self._job = job
        self._app = app
        self._working = working
        self._done = 0

    async def find_worker(self) -> None:
        """Return when the worker serves: before, nobody is known to know the steps."""
        while True:
            try:
                return await self.complete(1)
            except UnknownStep:
                await asyncio.sleep(LOOKS)

    async def complete(self, runs: int) -> None:
        """Dispatch so many runs, a hundred at a time, and return when all are recorded as completed."""
        for start in range(0, runs, HUNDRED):
            await self._app.dispatch_many("bench", [{"text": self._job.text}] * min(HUNDRED, runs - start))
        self._done += runs
        while (await counts(self._job.store))[0] < self._done:
            if self._working.returncode is not None:
                raise RuntimeError("the worker ended before its work was done: see worker.log")
            await asyncio.sleep(LOOKS)


async def main(job: Job, log: BinaryIO) -> None:
    """Do what was asked for, and answer."""
    settings = Settings(store=job.store, transport=job.transport)
    async with (
        Paigeant(workflows=[Workflow("bench", plan_of(job))], settings=settings) as app,
        worker(job, log) as working,
    ):
        client = Client(job, app, working)
        async with asyncio.timeout(PATIENCE):
            await client.find_worker()
            await client.complete(job.warm)
            with Window([os.getpid(), working.pid], job.servers) as window:
                await client.complete(job.runs)
    answer(**window.as_result(job.runs * job.steps))


Path("handlers.py").write_text(HANDLERS, "utf-8")
with Path("worker.log").open("wb") as log:
    asyncio.run(main(Job.of_arguments(), log))
