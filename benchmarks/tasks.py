"""The measurements that are the same for every system which dispatches and executes in one process.

Standard library only: it also runs in the environments of the peers.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Coroutine
from time import perf_counter
from typing import Any, Protocol

from meter import Window
from workload import Flight, Job, answer

PATIENCE = 120.0


class System(Protocol):
    """A system under test. Its last step calls ``flight.land()``."""

    async def dispatch(self, count: int) -> None:
        """Dispatch so many runs, in the way that is best for it."""
        ...

    async def completed(self) -> tuple[int, int]:
        """Return how many runs and how many steps are recorded as completed."""
        ...


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run it with the garbage collector as `paigeant run` sets it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    asyncio.run(main)


async def perform(job: Job, system: System, flight: Flight, working: asyncio.Future[Any] | None = None) -> None:
    """Do what was asked for, and answer; raises what ``working``, the system's worker, raises meanwhile."""
    measuring = asyncio.ensure_future(_measure(job, system, flight))
    await asyncio.wait([measuring, working or measuring], return_when=asyncio.FIRST_COMPLETED)
    if working is not None and working.done():
        measuring.cancel()
        raise RuntimeError("the worker ended before its work was done") from working.exception()
    measuring.result()


async def _measure(job: Job, system: System, flight: Flight) -> None:
    async with asyncio.timeout(PATIENCE):
        await flight.fly(job.warm, system.dispatch)
        await _recorded(system, job.warm, job.warm * job.steps)
        if job.task == "latency":
            await _latency(job, system, flight)
        else:
            await _throughput(job, system, flight)


async def _throughput(job: Job, system: System, flight: Flight) -> None:
    """From the first dispatch until the last result is recorded."""
    steps = job.runs * job.steps
    with Window([os.getpid()], job.servers) as window:
        await flight.fly(job.runs, system.dispatch)
        await _recorded(system, job.warm + job.runs, job.warm * job.steps + steps)
    answer(**window.as_result(steps))


async def _latency(job: Job, system: System, flight: Flight) -> None:
    """One run at a time, with nothing else to do: from the dispatch to the end of the last step."""
    samples: list[float] = []
    for number in range(job.runs):
        await asyncio.sleep(0.01 + number % 7 / 1000)
        began = perf_counter()
        await flight.fly(1, system.dispatch)
        samples.append(perf_counter() - began)
    answer(milliseconds=[1000 * sample for sample in samples])


async def _recorded(system: System, runs: int, steps: int) -> None:
    """Wait until the system's own records say that so much was done; more than that is an error."""
    while (there := await system.completed()) != (runs, steps):
        if there[0] > runs or there[1] > steps:
            raise RuntimeError(f"recorded {there}, more than the {(runs, steps)} that were asked for")
        await asyncio.sleep(0.002)
