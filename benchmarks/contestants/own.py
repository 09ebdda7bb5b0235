"""Paigeant itself, with nothing but public names."""

from __future__ import annotations

from loops.counts import counts
from tasks import perform, run
from trivial import trivial
from workload import Flight, Job, plan_of

from paigeant import Paigeant, Step, Workflow
from paigeant.config import Settings


class Own:
    """Paigeant as a system under test."""

    def __init__(self, job: Job, app: Paigeant) -> None:
        """Dispatch what the job says."""
        self._job = job
        self._app = app

    async def dispatch(self, count: int) -> None:
        """Dispatch so many runs."""
        await self._app.dispatch_many("bench", [{"text": self._job.text}] * count)

    async def completed(self) -> tuple[int, int]:
        """Count in the database, past the framework."""
        return await counts(self._job.store)


async def main(job: Job) -> None:
    """Do what was asked for, and answer."""
    flight = Flight(job.in_flight)
    activity = trivial(flight)
    steps = [Step(name, when="text != ''") if job.when else Step(name) for name in plan_of(job)]
    workflow = Workflow("bench", steps)
    settings = Settings(store=job.store, transport=job.transport, signing="on" if job.signing == "on" else "off")
    async with Paigeant(activity, workflows=[workflow], settings=settings) as app, app.worker(concurrency=job.slots):
        await perform(job, Own(job, app), flight)


run(main(Job.of_arguments()))
