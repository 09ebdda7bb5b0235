"""A journey through this worker: one hop, and those that the store hands over to it without a detour."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from dataclasses import replace
from typing import Any, Final

from paigeant.engine.hop.commits import decide, unreadable, write
from paigeant.engine.hop.committer import Committer
from paigeant.engine.hop.executor import Executor
from paigeant.engine.hop.judging import cancelled, has_begun, interrupted, not_to_run
from paigeant.engine.hop.leases import ActiveLease, Cut, LeaseKeeper
from paigeant.engine.hop.results import Execution
from paigeant.engine.intake.slots import Slot, Slots
from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected, TamperedMessage, Unavailable
from paigeant.model.events import ExecutionEnd, LeaseLost, RunEnded, StepEnded, StepReleased
from paigeant.model.hold import Now
from paigeant.model.hops import Grant, Leased, Twin, Verdict
from paigeant.model.limits import LINEAGE_HANDOVERS
from paigeant.model.outcomes import Outcome, Revised
from paigeant.model.runs import CancelRequest, Direction, StepStatus, WaitReason
from paigeant.model.steps import OnInterrupt
from paigeant.model.values import Value

BACKOFF: Final = (0.1, 2.0)
"""Seconds until a step's arguments are asked for again while the store is away: at first, doubling, and at most."""


class HopRunner:
    """Runs leased steps: execute, decide, commit; then what was handed over, in the same slot."""

    def __init__(
        self, runtime: Runtime, topics: Collection[str], slots: Slots, keeper: LeaseKeeper, committer: Committer
    ) -> None:
        """Join the parts of a worker that serves ``topics``."""
        self._runtime = runtime
        self._topics = frozenset(topics)
        self._slots = slots
        self._keeper = keeper
        self._committer = committer
        self._executor = Executor(runtime.store, runtime.registry, slots.keep_until_thread_ends, chance=runtime.chance)
        self._stopping = False
        self.released = 0

    def stop(self) -> None:
        """From now on no step begins: what is leased and has not begun is released."""
        self._stopping = True

    def begin(self, grant: Grant, asked_at: float) -> Coroutine[Any, Any, None]:
        """Keep the lease from now on, and return the journey: this step, and what follows here.

        A task may wait long for its first turn, while another step blocks the event loop; the lease must not. The slot
        is occupied already and given back at the end.
        """
        try:
            running = self._keeper.track_lease(self._runtime.open(grant), asked_at)
        except MessageRejected as error:
            return self._set_aside(grant, asked_at, error)
        return self._run(running)

    async def _run(self, first: ActiveLease) -> None:
        seat = Slot(self._slots, first.leased.grant.topic)
        try:
            running: ActiveLease | None = first
            hops = 0
            while running is not None:
                hops += 1
                running = await self._walk(running, seat if hops < LINEAGE_HANDOVERS else None)
        finally:
            seat.give()

    async def _set_aside(self, grant: Grant, asked_at: float, error: MessageRejected) -> None:
        """Hold a step whose message cannot be opened, or is not that of its row, for a person to look at."""
        try:
            commit = write(self._runtime, grant, unreadable(error))
            await self._committer.commit(commit, lambda: asked_at + self._runtime.margin)
            reason = WaitReason.TAMPERED if isinstance(error, TamperedMessage) else "unreadable"
            self._runtime.trouble(f"opening {grant.key.message_id}; its run waits, {reason}", error)
        finally:
            self._slots.give(grant.topic)

    async def _walk(self, running: ActiveLease, seat: Slot | None) -> ActiveLease | None:
        """Walk one hop; returns the one that was handed over, if there is a ``seat`` to move and one was."""
        started = self._runtime.clock()
        try:
            async with self._runtime.hooks.around_step(running.leased) as running.span:
                execution = await self._execute(running)
                return None if execution is None else await self._commit(running, execution, started, seat)
        finally:
            self._keeper.drop(running)

    async def _execute(self, running: ActiveLease) -> Execution | None:
        """Return what the step came to, or None if it is not ours to commit any more."""
        if running.good_until <= self._runtime.clock():
            running.interrupt(Cut.LOST)
        elif self._stopping:
            running.interrupt(Cut.STOPPING)
        if running.cut is None:
            try:
                with running.interruptible():
                    return await self._execute_once_possible(running)
            except asyncio.CancelledError:
                if running.cut is None:
                    raise
        return await self._cut_short(running)

    async def _execute_once_possible(self, running: ActiveLease) -> Execution:
        """Execute; while the store is away and the code has not begun, try again as long as the lease is held."""
        pause = BACKOFF[0]
        while True:
            try:
                return await self._executor.execute(running.leased, running.progress)
            except Unavailable as error:
                self._runtime.trouble(f"reading what {running.held.key.message_id} needs", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, BACKOFF[1])

    async def _cut_short(self, running: ActiveLease) -> Execution | None:
        leased, grant = running.leased, running.leased.grant
        begun = running.progress.begun or has_begun(grant)
        if running.cut is Cut.CANCELLED:
            return Execution(cancelled(running.cancel_request or CancelRequest.PLAIN, begun=begun))
        if running.cut is Cut.LOST:
            self._report_end(running, LeaseLost(self._runtime.owner, leased, "the lease ran out or was taken over"))
            return None
        ended = self._ended_by_stop(running)
        if ended is not None:
            return Execution(ended)
        try:
            if running.progress.unsent is not None:
                await self._runtime.store.beat(
                    [running.held], self._runtime.lease, {running.held: running.progress.unsent}
                )
            await self._runtime.store.release([running.held])
            self.released += 1
            self._report_end(running, StepReleased(self._runtime.owner, leased))
        except Unavailable as error:
            self._runtime.trouble(f"releasing {running.held.key.message_id}; its lease will run out", error)
        return None

    def _ended_by_stop(self, running: ActiveLease) -> Outcome[Value] | None:
        """Return how a step ends that is not to be released: cut off in the middle, or not to be run by anybody."""
        leased = running.leased
        rules = self._executor.rules(leased)
        if rules is None:
            return None
        if not running.progress.begun:
            return not_to_run(leased, rules)
        return None if rules.on_interrupt is OnInterrupt.RERUN else interrupted(leased, rules.on_interrupt)

    async def _commit(
        self, running: ActiveLease, execution: Execution, started: float, seat: Slot | None
    ) -> ActiveLease | None:
        leased = running.leased
        if isinstance(execution.outcome, Revised):
            leased = replace(leased, interfaces=self._interfaces(execution.outcome))
        transition, twins = decide(self._runtime.codec, leased, execution.outcome)
        commit = write(self._runtime, leased.grant, transition, twins, execution, leased)
        wanted = next((twin for twin in twins if self._could_take(twin)), None)
        if wanted is not None and seat is not None and seat.move(wanted.topic):
            commit = replace(commit, hand_over=wanted.key)
        if running.progress.unsent is not None and transition.hop.status is not StepStatus.COMPLETED:
            commit = replace(commit, detail=running.progress.unsent)
        following: list[ActiveLease] = []

        def keep(grant: Grant, asked_at: float) -> None:
            message = next(message for message, _ in transition.next if message.key == grant.key)
            undo = self._runtime.registry[message.topic].undo
            known = leased.variables if grant.key.path == leased.message.headers.path and not grant.edited else None
            variables = None if known is None else {**known, **dict(transition.writes.variables)}
            following.append(self._keeper.track_lease(Leased(grant, message, undo, variables=variables), asked_at))

        settled, _ = await self._committer.commit(commit, lambda: running.good_until, keep)
        owner, verdict, seconds = self._runtime.owner, settled.verdict, self._runtime.clock() - started
        self._report_end(running, StepEnded(owner, leased, transition, verdict, seconds, execution.error))
        if verdict in {Verdict.FENCED, Verdict.CLOSED}:
            why = "somebody took it over" if verdict is Verdict.FENCED else "the run has ended"
            self._runtime.report(LeaseLost(owner, leased, f"the commit was refused: {why}"))
        elif transition.end is not None and self._runtime.hooks.wants(RunEnded):
            headers = leased.message.headers
            self._runtime.report(RunEnded(owner, headers.workflow_id, transition.end.status, headers))
        return following[0] if following else None

    def _report_end(self, running: ActiveLease, ended: ExecutionEnd) -> None:
        if running.span is not None:
            running.span.end(ended)
        self._runtime.report(ended)

    def _interfaces(self, revised: Revised[Value]) -> dict[str, str]:
        """Return the contracts, known here, of the activities with which the itinerary is revised."""
        names = {step.activity for step in (*revised.insert, *(revised.replace or ()), *revised.append)}
        known = {name: self._runtime.registry.interface(name) for name in names}
        return {name: interface for name, interface in known.items() if interface is not None}

    def _could_take(self, twin: Twin) -> bool:
        """Tell whether the next hop may stay here.

        Only on the way forward: the record that a compensation needs comes with the store's own lease.
        """
        due = isinstance(twin.hold, Now) and twin.direction is Direction.EXECUTE
        return due and not self._stopping and twin.topic in self._topics
