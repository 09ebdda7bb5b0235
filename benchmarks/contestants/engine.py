"""The engine loop."""

from __future__ import annotations

from loops.backend import Backend, backend
from loops.engine import EngineLoop
from tasks import perform, run
from workload import Flight, Job, plan_of


class Engine:
    """The engine loop as a system under test."""

    def __init__(self, job: Job, engine: EngineLoop, there: Backend) -> None:
        """Dispatch what the job says."""
        self._job = job
        self._engine = engine
        self.completed = there.steps.completed

    async def dispatch(self, count: int) -> None:
        """Dispatch so many runs."""
        await self._engine.dispatch(count, plan_of(self._job), self._job.text)


async def main(job: Job) -> None:
    """Do what was asked for, and answer."""
    flight = Flight(job.in_flight)

    async def step(text: str) -> str:
        return text

    async def last(text: str) -> str:
        flight.land()
        return text

    activities = {"step": step, "last": last}
    async with backend(job.store, job.transport) as there, EngineLoop(there, activities, job.slots) as engine:
        await perform(job, Engine(job, engine, there), flight)


run(main(Job.of_arguments()))
