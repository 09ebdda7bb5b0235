"""Worker: connects intake, execution, commit and sweep, and stops them in order."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Collection, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

from paigeant.activities.tasks import contained_tasks
from paigeant.aio.race import until_first
from paigeant.engine.hop.committer import Committer
from paigeant.engine.hop.leases import Cut, LeaseKeeper
from paigeant.engine.hop.runner import HopRunner
from paigeant.engine.intake.admission import Admission
from paigeant.engine.intake.from_dispatch import DispatchIntake
from paigeant.engine.intake.from_store import IntakeLoop
from paigeant.engine.intake.held_for_code import HeldForCode
from paigeant.engine.intake.slots import Slots
from paigeant.engine.runtime import Runtime
from paigeant.engine.upkeep.sweeper import Sweeper
from paigeant.errors import InvalidInput
from paigeant.model.checks.options import spelled
from paigeant.model.entries.entry import FLOW
from paigeant.model.events import WorkerDraining, WorkerStarted, WorkerStopped
from paigeant.model.hops import Grant, Leased
from paigeant.model.message import HopKey
from paigeant.model.plan import WorkerCard

FLOW_SLOTS: Final = 8
"""Slots for nodes, in addition to those for steps: a long step must not delay a decision about the next one."""

LAST_MOMENT: Final = 5.0
"""Seconds for work that should take none: a pending commit or release, or code that notices its cancellation."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Options of a worker: ``topics`` are names of activities, ``grace`` is the grace period of its steps.

    ``workflows`` are the names of those that were published with it.
    """

    topics: tuple[str, ...]
    concurrency: int = 32
    grace: timedelta = timedelta(seconds=10)
    workflows: tuple[str, ...] = ()


@spelled(InvalidInput)
class ActivityWorker:
    """Executes steps of the activities it serves, used as ``async with``; leaving it stops it gracefully.

    Gracefully means: no new steps are leased, running steps get the grace period to end, and the others are cancelled
    and released, not failed: another worker runs them at once, and the attempt is not counted.
    """

    def __init__(self, runtime: Runtime, options: WorkerOptions) -> None:
        """Serve ``options.topics`` with the functions of ``runtime.registry``."""
        self._runtime = runtime
        self._options = options
        limits = {name: runtime.registry[name].concurrency for name in options.topics}
        limited = {name: limit for name, limit in limits.items() if limit}
        self._slots = Slots(options.concurrency, limited, {FLOW: FLOW_SLOTS})
        self._served = (*options.topics, FLOW)
        self._stop = asyncio.Event()
        self._draining = asyncio.Event()
        self._now = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._intakes: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()

    @property
    def topics(self) -> Collection[str]:
        """Activities it serves."""
        return self._options.topics

    @property
    def slots(self) -> Slots:
        """Its slots: the number of running steps, and of further ones that could start."""
        return self._slots

    @property
    def id(self) -> str:
        """Name of the worker in leases and logs; never reused."""
        return self._runtime.owner

    async def __aenter__(self) -> Self:
        """Start; the intake runs when this returns. Raises Unavailable if the store cannot be reached."""
        options = self._options
        card = WorkerCard(self.id, socket.gethostname(), os.getpid(), self._served, options.workflows)
        async with AsyncExitStack() as stack:
            stack.enter_context(contained_tasks())
            await stack.enter_async_context(Sweeper(self._runtime, card, self.drain))
            keeper = LeaseKeeper(self._runtime)
            await stack.enter_async_context(keeper)
            committer = await stack.enter_async_context(Committer(self._runtime, keeper))
            self._journeys = HopRunner(self._runtime, self._served, self._slots, keeper, committer)
            stack.push_async_callback(self._shut_down, keeper)
            self._start_intake(self._journeys)
            if self._draining.is_set():  # drain was requested before the intake existed
                self._stop_intake()
            self._stack = stack.pop_all()
        self._runtime.report(WorkerStarted(self.id, options.topics, options.concurrency, options.workflows))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop gracefully."""
        self.stop()
        await self._stack.aclose()

    def stop(self, *, now: bool = False) -> None:
        """Ask it to stop; ``now`` gives running steps no grace period."""
        self._stop.set()
        if now:
            self._now.set()

    async def stopped(self) -> None:
        """Return when it was asked to stop."""
        await self._stop.wait()

    def drain(self) -> None:
        """Drain: lease nothing more, and let running steps take as long as they need.

        Leased steps that have not begun are released at once. A repeat changes nothing.
        """
        if not self._draining.is_set():
            self._draining.set()
            self._runtime.report(WorkerDraining(self.id, len(self._running)))
            self._stop_intake()

    async def drained(self) -> None:
        """Return once it was asked to drain, and holds no lease any more."""
        await self._draining.wait()
        await asyncio.wait(self._intakes)  # answers to their pending claims may still arrive
        while self._running:
            await asyncio.wait(self._running)

    @property
    def is_draining(self) -> bool:
        """True if it was asked to drain."""
        return self._draining.is_set()

    def _stop_intake(self) -> None:
        self._stop.set()
        self._runtime.takers.leave(self._dispatched)
        self._journeys.stop()

    def _start_intake(self, journeys: HopRunner) -> None:
        def walk(key: HopKey, journey: Coroutine[Any, Any, None]) -> None:
            task = asyncio.create_task(journey, name=key.message_id)
            self._running.add(task)
            task.add_done_callback(self._ended)

        def start(grant: Grant, asked_at: float) -> Leased | None:
            journey, leased = journeys.begin(grant, asked_at)
            walk(grant.key, journey)
            return leased

        def follow(leased: Leased, asked_at: float) -> None:
            walk(leased.grant.key, journeys.follow(leased, asked_at))

        groups = self._slots.groups(self._served)
        admissions = [Admission(self._runtime, self._slots, group, start, self._stop) for group in groups]
        for admission in admissions:
            name = f"paigeant-intake-{admission.group[0]}"
            self._intakes.append(asyncio.create_task(IntakeLoop(admission).run(), name=name))
        self._dispatched = DispatchIntake(self._runtime, self._slots, admissions, follow)
        self._runtime.takers.join(self._dispatched)
        returning = HeldForCode(self._runtime, admissions).run(self._stop)
        self._intakes.append(asyncio.create_task(returning, name="paigeant-returning"))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._runtime.trouble(f"running {task.get_name()}; its lease will run out", error)

    async def _shut_down(self, keeper: LeaseKeeper) -> None:
        """Stop the intake; give running steps the grace period; then release them."""
        self._stop_intake()
        try:
            await self._wait_unless_stopped(self._intakes, LAST_MOMENT)
            await self._wait_unless_stopped(self._running, self._options.grace.total_seconds())
            for running in keeper.all():
                running.interrupt(Cut.STOPPING)
            await _wait_for_tasks(self._running, LAST_MOMENT)
        finally:  # also if the caller is cancelled meanwhile
            await self._abandon([*self._intakes, *self._running])
            self._runtime.report(WorkerStopped(self.id, self._journeys.released))

    async def _wait_unless_stopped(self, tasks: Collection[asyncio.Task[None]], seconds: float) -> None:
        """Wait until the tasks have ended, at most this long, and no longer once it was asked to stop now."""
        await until_first(self._now.wait(), _wait_for_tasks(tasks, seconds))

    async def _abandon(self, tasks: Collection[asyncio.Task[None]]) -> None:
        """Cancel the remaining tasks. Code that swallows even that is abandoned: its lease expires."""
        for task in tasks:
            task.cancel()
        for task in await _wait_for_tasks(tasks, LAST_MOMENT):
            error = TimeoutError(f"it did not end within {LAST_MOMENT:g} s of being cancelled")
            self._runtime.trouble(f"stopping {task.get_name()}", error)


async def _wait_for_tasks(tasks: Collection[asyncio.Task[None]], seconds: float) -> set[asyncio.Task[None]]:
    """Wait until the tasks have ended, at most this long; returns those that have not."""
    return (await asyncio.wait(tasks, timeout=seconds))[1] if tasks else set()
