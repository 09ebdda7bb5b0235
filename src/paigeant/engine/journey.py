"""A journey through this worker: one hop, and those that the store hands over to it without a detour."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from time import monotonic

from paigeant.engine.committer import Committer
from paigeant.engine.deciding import decide, write
from paigeant.engine.executor import Execution, Executor
from paigeant.engine.judging import Rules, cancelled, interrupted
from paigeant.engine.leases import Cut, LeaseKeeper, Running
from paigeant.engine.parts import Parts
from paigeant.engine.slots import Slots
from paigeant.errors import Unavailable
from paigeant.model.events import LeaseLost, StepEnded
from paigeant.model.hops import Leased, Transition, Twin, Verdict
from paigeant.model.limits import LINEAGE_HANDOVERS
from paigeant.model.runs import CancelWish, Direction
from paigeant.model.steps import OnInterrupt


class Journeys:
    """Runs leased steps: execute, decide, commit; then what was handed over, in the same slot."""

    def __init__(self, parts: Parts, slots: Slots, keeper: LeaseKeeper, committer: Committer) -> None:
        """Join the parts of a worker."""
        self._parts = parts
        self._slots = slots
        self._keeper = keeper
        self._committer = committer
        self._executor = Executor(parts.store, parts.registry)
        self.stopping = False
        self.released = 0

    async def run(self, leased: Leased, asked_at: float) -> None:
        """Run one step and what follows here; its slot is occupied already and given back at the end."""
        following: tuple[Leased, float] | None = leased, asked_at
        topic = leased.message.topic
        hops = 0
        try:
            while following is not None:
                hops += 1
                topic = following[0].message.topic
                following = await self._hop(*following, may_hand_over=hops < LINEAGE_HANDOVERS)
        finally:
            self._slots.give(topic)

    async def _hop(self, leased: Leased, asked_at: float, *, may_hand_over: bool) -> tuple[Leased, float] | None:
        running = self._keeper.hold(leased, asked_at)
        started = monotonic()
        try:
            async with self._parts.hooks.around_step(leased):
                execution = await self._execute(running)
                if execution is None:
                    return None
                return await self._commit(running, execution, started, may_hand_over=may_hand_over)
        finally:
            self._keeper.drop(running)

    async def _execute(self, running: Running) -> Execution | None:
        """Run the user's code; None if the step is not ours to commit any more."""
        task = asyncio.current_task()
        if running.good_until <= monotonic():
            running.interrupt(Cut.LOST)
        if task is None or running.cut is not None:
            return await self._cut_short(running)
        running.begin(task)
        try:
            return await self._executor.execute(running.leased)
        except asyncio.CancelledError:
            if running.cut is None:
                raise
            task.uncancel()
        except Unavailable as error:
            self._parts.trouble()(f"reading variables of {running.held.key.message_id}", error)
            running.interrupt(Cut.STOPPING)
        finally:
            running.end()
        return await self._cut_short(running)

    async def _cut_short(self, running: Running) -> Execution | None:
        leased = running.leased
        if running.cut is Cut.CANCELLED:
            return Execution(cancelled(running.wish or CancelWish.PLAIN))
        if running.cut is Cut.STOPPING:
            rule = self._rules(leased).on_interrupt
            if rule is not OnInterrupt.RERUN:
                return Execution(interrupted(leased, rule))
            try:
                await self._parts.store.release([running.held])
                self.released += 1
            except Unavailable as error:
                self._parts.trouble()("releasing a step; its lease will run out", error)
            return None
        reason = "the lease ran out or was taken over"
        self._parts.hooks.on_event(LeaseLost(self._parts.owner, leased, reason))
        return None

    def _rules(self, leased: Leased) -> Rules:
        activity = self._parts.registry[leased.message.topic]
        if leased.message.headers.direction is Direction.COMPENSATE and activity.compensate is not None:
            return Rules.of(activity.compensate, None)
        return Rules.of(activity.execute, leased.message.routing_slip.next_step())

    async def _commit(
        self, running: Running, execution: Execution, started: float, *, may_hand_over: bool
    ) -> tuple[Leased, float] | None:
        leased = running.leased
        transition, twin = decide(self._parts.codec, leased, execution.outcome)
        here = leased.message.topic
        reserved = may_hand_over and self._could_take(here, transition, twin)
        if twin is not None and reserved:
            twin = replace(twin, handed_over=True)
        commit = write(self._parts, leased.grant, transition, twin, tuple(execution.blobs))
        asked_at = monotonic()
        moved = twin.topic if twin is not None and reserved else here
        try:
            settled = await self._committer.commit(commit, lambda: running.good_until)
        except BaseException:
            self._slots.move(moved, here)
            raise
        if settled.handed_over is None:
            self._slots.move(moved, here)
        seconds = monotonic() - started
        self._parts.hooks.on_event(StepEnded(self._parts.owner, leased, transition, settled.verdict, seconds))
        if settled.verdict is Verdict.FENCED:
            self._parts.hooks.on_event(LeaseLost(self._parts.owner, leased, "the commit was refused"))
        if settled.handed_over is None or transition.next is None:
            return None
        undo = self._parts.registry[transition.next.topic].undo
        return Leased(settled.handed_over, transition.next, undo), asked_at

    def _could_take(self, here: str, transition: Transition, twin: Twin | None) -> bool:
        """Reserve a slot for the next hop, if this worker serves it and nothing speaks against it.

        Only on the way forward: the record that a compensation needs comes with the store's own lease.
        """
        forward = twin is not None and twin.direction is Direction.EXECUTE and transition.delay is None
        if twin is None or not forward or self.stopping or twin.topic not in self._parts.registry:
            return False
        return self._slots.move(here, twin.topic)
