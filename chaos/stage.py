"""The stage: the roles that are always taken, what goes on all the time, and what is known of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from time import monotonic
from typing import Any, Final
from uuid import UUID

from chaos.backends import Backend
from chaos.crew import Crew, Hand, Holdings
from chaos.dispatcher import Ledger, dispatch
from chaos.effects import Onlookers
from chaos.endpoint import serve
from chaos.history import Hop
from chaos.journeys import workflows
from chaos.load import CLERK, STEPS
from chaos.orders import NAMESPACE, Orders
from chaos.plan import Plan
from chaos.points import Deaths
from chaos.worker import work
from paigeant import ActivityRegistry, Paigeant
from paigeant.config import Settings

_PATIENCE: Final = 180.0
"""Seconds until the first runs end; much on a machine with other load."""
_TRICKLE: Final = 3
"""Runs dispatched each fifth of a second while the load is ahead of the faults."""

_BURST: Final = 12
"""And while somebody is to get to a point."""

_STEADY: Final = 6
"""Slots of the steady worker: so few that it leaves something to those who come and go."""


class Stage:
    """One drama while it is played: the steady worker, the dispatcher, those who die, and the operator."""

    holdings_before: Holdings | None = None

    def __init__(self, backend: Backend, plan: Plan, orders: Orders, say: Callable[[str], None]) -> None:
        """Play on this backend."""
        self.backend, self.plan, self.orders, self._say = backend, plan, orders, say
        self.chance = Random(orders.seed)
        self.crew = Crew(orders)
        self.deaths = Deaths(orders.folder / "deaths.log")
        self.ledger = Ledger(orders.folder)
        self._onlookers = Onlookers(orders.folder / "effects.log")
        self.done: Counter[str] = Counter()
        """What was done, by name, for the report."""
        self.when_terminated: dict[str, list[Hop]] = {}
        self._ended: set[UUID] = set()
        self.progress = 0.0
        """The share of the faults that are behind."""
        self.recovery = 0.0
        """Seconds from the last fault until nothing was under way."""
        self.last_fault = 0.0
        """When, by the monotonic clock."""
        self.awaited = 0
        """How many are waited for that are to get to a point."""
        self.over = False
        self._begun = monotonic()
        self.crew.hire(serve)
        self.steady = self.crew.hire(work, topics=(*STEPS, CLERK), concurrency=_STEADY)
        self.dispatcher = self.crew.hire(dispatch)

    async def open(self) -> None:
        """Wait until work is done, and look at what the steady worker holds."""
        await self.until(self._some_ended, _PATIENCE, "the first runs to end")
        self.take_stock()

    async def _some_ended(self) -> bool:
        return (await self.backend.reader.progress())[1] >= min(10, self.plan.runs // 2)

    def say(self, text: str) -> None:
        """Log a line of the schedule as it was played."""
        self._say(f"{monotonic() - self._begun:7.1f} s  {text}")

    def victim(self, **more: Any) -> Hand:
        """Hire a worker that is not to live long."""
        return self.crew.hire(work, **more)

    async def at_work(self, hand: Hand, within: float = 10.0) -> None:
        """Wait until a worker has executed something, or so long."""
        end = monotonic() + within
        while hand.alive and monotonic() < end and not self._onlookers.saw(hand.pid):
            await asyncio.sleep(0.05)

    async def fell(self, hand: Hand, point: str, within: float) -> bool:
        """Wait until a process has got to its point; returns whether it did."""
        end = monotonic() + within
        self.awaited += 1
        try:
            while monotonic() < end and hand.alive:
                if (hand.pid, point) in self.deaths.read():
                    return True
                await asyncio.sleep(0.05)
        finally:
            self.awaited -= 1
        return (hand.pid, point) in self.deaths.read()

    async def until(self, ask: Callable[[], Any], within: float, what: str) -> None:
        """Wait until something is so; raises TimeoutError with what it was."""
        end = monotonic() + within
        while not await ask():
            if monotonic() > end:
                text = f"waited {within:g} s in vain for {what}"
                raise TimeoutError(text)
            await asyncio.sleep(0.1)

    async def go_on(self) -> None:
        """Do what goes on all the time, until it is over; what fails while a server is away is tried again."""
        async with asyncio.TaskGroup() as group:
            for doing in (self._feed, self._operate):
                group.create_task(self._again_and_again(doing))

    async def _again_and_again(self, doing: Callable[[], Awaitable[None]]) -> None:
        away = False
        while not self.over:
            try:
                await doing()
                away = False
            except Exception as error:  # noqa: BLE001  (whatever a client raises while its server is away)
                if not away:
                    self.say(f"  {doing.__name__.strip('_')}, to be tried again: {type(error).__name__} {error}")
                away = True
            await asyncio.sleep(0.2)

    async def _feed(self) -> None:
        """Keep runs under way until all are dispatched and the faults are behind: never none, and at most a window.

        While the load is ahead of the faults it trickles, so that whoever is sent to a crash point gets there.
        """
        if not self.dispatcher.alive:
            self.dispatcher = self.crew.hire(dispatch)
        runs, ended, _ = await self.backend.reader.progress()
        ahead = runs > self.plan.runs * self.progress
        more = _BURST if self.awaited else _TRICKLE
        wanted = min(ended + self.plan.window, runs + more if ahead else self.plan.runs)
        if self.progress < 1 or runs < self.plan.runs:
            self.ledger.want(max(runs, wanted))

    async def _operate(self) -> None:
        """End runs in flight that are there for it, and look at once what was committed to what was terminated."""
        settings = Settings(store=self.backend.direct_store, namespace=NAMESPACE)
        async with Paigeant(ActivityRegistry(), workflows=workflows(), settings=settings) as app:
            while not self.over:
                for run, kind in await self.backend.reader.in_flight():
                    if run not in self._ended:
                        await asyncio.sleep(self.chance.random() * (0.05 if kind == "ended" else 0.5))
                        await self._end(app, run, kind)
                        self._ended.add(run)
                await asyncio.sleep(0.05)

    async def _end(self, app: Paigeant, run: UUID, kind: str) -> None:
        if kind.endswith("cancelled"):
            await app.run(run).cancel(compensate=True)
            self.done["cancelled"] += 1
            return
        if await app.run(run).terminate() == "terminated":
            for each in await self.backend.reader.tree(run):
                self.when_terminated[each.hex] = await self.backend.reader.hops(each)
            self.done["terminated"] += 1

    def take_stock(self) -> None:
        """In the first half, note the most that the steady worker held: when much is asked for, pools fill up."""
        if self.progress <= 0.5 and self.steady.alive:
            now = self.steady.holdings()
            before = self.holdings_before or now
            self.holdings_before = Holdings(*map(max, before, now))

    def leaks(self, before: Holdings | None, after: Holdings) -> list[str]:
        """Return what there is more of than a pool that filled up explains."""
        if before is None:
            return ["the steady worker never warmed up"]
        spare = Holdings(sockets=6, files=4, threads=4)
        return [
            f"the steady worker held {had} {name} when it had warmed up, and {has} at the end"
            for name, had, has, more in zip(Holdings._fields, before, after, spare, strict=True)
            if has > had + more
        ]
