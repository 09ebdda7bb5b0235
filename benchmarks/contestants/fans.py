"""Branches beside plain runs, in one process: a long list, its messages, and a few branches at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from statistics import median
from time import perf_counter
from typing import Any

from loops.counts import counts, largest
from meter import rss
from tasks import run
from trivial import trivial
from workload import Flight, Job, answer

from paigeant import ForEach, Paigeant, Parallel, Step, Workflow
from paigeant.config import Settings

PATIENCE = 400.0
WINDOW = 256
IN_A_ROW = Workflow("row", ["step"] * 3)
AT_ONCE = Workflow("once", [Parallel(a=["step"], b=["step"], c=["step"])])
EACH = Workflow("each", [ForEach("text", in_="texts", step=["item"], max_concurrency=WINDOW, name="all")])


class Fans:
    """Does the same work as branches of one run, and as runs of their own."""

    def __init__(self, job: Job, app: Paigeant, flight: Flight) -> None:
        """Do what the job says."""
        self._job, self._app, self._flight = job, app, flight

    async def compare(self) -> None:
        """Warm up, do both, and answer."""
        job, items = self._job, self._job.runs
        await self._runs(job.warm)
        await self._list(job.warm)
        plain = await timed(lambda: self._runs(items))
        before = rss(os.getpid())
        listed = await timed(lambda: self._list(items))
        grown = rss(os.getpid()) - before
        body = await largest(job.store, "item")
        row, once = await self._latencies()
        answer(
            runs_per_second=items / plain,
            items_per_second=items / listed,
            grown_mb=grown,
            beside_item_bytes=body - len(job.text),
            row_ms=row,
            parallel_ms=once,
        )

    async def _runs(self, count: int) -> None:
        async def dispatch(batch: int) -> None:
            await self._app.dispatch_many("single", [{"text": self._job.text}] * batch)

        before = (await counts(self._job.store))[0]
        await self._flight.fly(count, dispatch)
        while (await counts(self._job.store))[0] < before + count:
            await asyncio.sleep(0.01)

    async def _list(self, count: int) -> None:
        run = await self._app.dispatch("each", {"texts": [self._job.text] * count})
        while not (await run.status()).final:
            await asyncio.sleep(0.05)
        if (status := await run.status()) != "completed":
            raise RuntimeError(f"the list ended {status}")

    async def _latencies(self) -> tuple[float, float]:
        """Return the median milliseconds of three steps in a row, and of three at once, in turn, of an idle worker."""
        taken: dict[str, list[float]] = {"row": [], "once": []}
        for number in range(2 * self._job.samples):
            await asyncio.sleep(0.01 + number % 7 / 1000)
            name = ("row", "once")[number % 2]
            taken[name].append(await timed(lambda name=name: self._one(name)))
        return 1000 * median(taken["row"]), 1000 * median(taken["once"])

    async def _one(self, name: str) -> None:
        await (await self._app.dispatch(name, {"text": self._job.text})).result(timeout=30)


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    """Return how many seconds it took."""
    began = perf_counter()
    await work()
    return perf_counter() - began


async def main(job: Job) -> None:
    """Do what was asked for, and answer."""
    flight = Flight(job.in_flight)
    activity = trivial(flight)

    @activity.execute()
    async def item(text: str) -> str:
        return text

    workflows: list[Workflow[Any, Any]] = [Workflow("single", [Step("last")]), IN_A_ROW, AT_ONCE, EACH]
    settings = Settings(store=job.store, transport=job.transport)
    async with (
        asyncio.timeout(PATIENCE),
        Paigeant(activity, workflows=workflows, settings=settings) as app,
        app.worker(concurrency=job.slots),
    ):
        await Fans(job, app, flight).compare()


run(main(Job.of_arguments()))
