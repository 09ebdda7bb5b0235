"""Restate: its own server, from its npm package, records each step and calls the worker over HTTP/2."""

from __future__ import annotations

import asyncio
import socket
from uuid import uuid4

import httpx
import restate
from hypercorn.asyncio import serve
from hypercorn.config import Config
from restate import Workflow, WorkflowContext
from tasks import perform
from workload import Flight, Job

AT_ONCE = 50
PATIENCE = 60.0
RUNS = "SELECT count(*) AS n FROM sys_invocation WHERE target_service_name = 'bench' AND completion_result = 'success'"
STEPS = "SELECT count(*) AS n FROM sys_journal WHERE name IN ('step', 'last')"

job = Job.of_arguments()
flight = Flight(job.in_flight)
bench = Workflow("bench")


@bench.main()
async def run(ctx: WorkflowContext, text: str) -> str:
    """One run."""

    async def step() -> str:
        return text

    async def last() -> str:
        flight.land()
        return text

    for _ in range(job.steps - 1):
        text = await ctx.run_typed("step", step)
    return await ctx.run_typed("last", last)


class NotYet(Exception):
    """The server cannot be asked what it has recorded."""


class Restate:
    """Restate as a system under test."""

    def __init__(self, client: httpx.AsyncClient, ingress: str, admin: str) -> None:
        """Send to the ingress, count with the admin interface."""
        self._client = client
        self._ingress = ingress
        self._admin = admin
        self._before = 0, 0

    async def begin(self) -> None:
        """Look what the server has from before; one that has just started cannot say so at once."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    self._before = await self._counts()
                except NotYet:
                    await asyncio.sleep(0.5)
                else:
                    return

    async def dispatch(self, count: int) -> None:
        """Send so many runs, some at a time."""
        room = asyncio.Semaphore(AT_ONCE)

        async def send() -> None:
            async with room:
                sent = await self._client.post(f"{self._ingress}/bench/{uuid4().hex}/run/send", json=job.text)
                sent.raise_for_status()

        await asyncio.gather(*(send() for _ in range(count)))

    async def completed(self) -> tuple[int, int]:
        """Count what is recorded."""
        (runs, steps), (runs_before, steps_before) = await self._counts(), self._before
        return runs - runs_before, steps - steps_before

    async def _counts(self) -> tuple[int, int]:
        return await self._count(RUNS), await self._count(STEPS)

    async def _count(self, query: str) -> int:
        headers = {"accept": "application/json"}
        answer = await self._client.post(f"{self._admin}/query", json={"query": query}, headers=headers)
        found = answer.json()
        if "rows" not in found:
            raise NotYet(answer.text)
        return found["rows"][0]["n"]


async def main() -> None:
    """Do what was asked for, and answer."""
    ingress, admin = job.store.split()
    config, stop = Config(), asyncio.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    uri = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config.bind, config.loglevel = [f"fd://{listening.detach()}"], "ERROR"
    serving = asyncio.create_task(serve(restate.app([bench]), config, shutdown_trigger=stop.wait))
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        registered = await client.post(f"{admin}/deployments", json={"uri": uri, "force": True})
        registered.raise_for_status()
        system = Restate(client, ingress, admin)
        await system.begin()
        await perform(job, system, flight, serving)
    stop.set()
    await serving


asyncio.run(main())
