"""Hop runner: runs a leased hop from admission to its commit, and then the hops that the store hands over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from paigeant.activities.faults import describe
from paigeant.aio.backoff import Backoff
from paigeant.engine.commits import Beside, commit_outcome, commit_transition
from paigeant.engine.grants import complete, end_or_hold, margin, open_grant, run_ended
from paigeant.engine.hop.committer import Committed, Committer
from paigeant.engine.hop.executor import Executor
from paigeant.engine.hop.leases import ActiveLease, Cut, LeaseKeeper
from paigeant.engine.hop.leaving import PATIENCE, Before, as_left, read_before
from paigeant.engine.hop.results import Execution
from paigeant.engine.hop.returned.revisions import with_author
from paigeant.engine.hop.served import Served
from paigeant.engine.intake.from_commits import CommitIntake
from paigeant.engine.intake.slots import Slot, Slots
from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected, Unavailable, reason_of
from paigeant.model.events import ExecutionEnd, LeaseLost, RunEnded, StepBegan, StepEnded, StepReleased
from paigeant.model.hops import Commit, Grant, Leased, Verdict
from paigeant.model.limits import LINEAGE_HANDOVERS
from paigeant.model.outcomes import Outcome, Revised
from paigeant.model.runs import CancelRequest
from paigeant.model.transition import Transition
from paigeant.model.values.values import Value
from paigeant.routing.admit import has_begun, stop
from paigeant.routing.close import cancelled
from paigeant.routing.fail import fail_internally


class HopRunner:
    """Runs leased hops: each is admitted, executed, advanced and committed; then those handed over."""

    def __init__(
        self, runtime: Runtime, topics: Collection[str], slots: Slots, keeper: LeaseKeeper, committer: Committer
    ) -> None:
        """Connect the parts of a worker that serves ``topics``."""
        self._runtime, self._slots = runtime, slots
        self._here = CommitIntake(runtime, topics)
        self._keeper, self._committer = keeper, committer
        self._executor = Executor(runtime, slots.keep_until_code_ends)
        self.released: int = 0

    def stop(self) -> None:
        """Begin no further step: leased steps that have not begun are released."""
        self._here.stopped = True

    def begin(self, grant: Grant, asked_at: float) -> tuple[Coroutine[Any, Any, None], Leased | None]:
        """Track the lease from now on; return the coroutine that runs the hops, and the step, if it could be opened.

        A task may wait long for its first turn while another step blocks the event loop; the lease is renewed
        meanwhile. The slot is occupied already and released at the end.
        """
        try:
            active = self._keeper.track_lease(open_grant(self._runtime, grant), asked_at)
        except Exception as error:  # noqa: BLE001  (also of a codec that is broken: the lease is ours)
            return self._set_aside(grant, asked_at, error), None
        return self._run(active), active.leased

    def follow(self, leased: Leased, asked_at: float) -> Coroutine[Any, Any, None]:
        """Track the lease of a hop whose message was made here, and return the coroutine, as :meth:`begin`."""
        return self._run(self._keeper.track_lease(leased, asked_at))

    async def _run(self, first: ActiveLease) -> None:
        slot = Slot(self._slots, first.leased.grant.topic)
        try:
            following, hops = first, 0
            while following is not None:
                active = following if following.leased.is_complete else await self._complete(following)
                if active is None:
                    break
                hops += 1
                written = await self._hop(active, slot if hops < LINEAGE_HANDOVERS else None)
                following = None if written is None else await self._follow(written)
        finally:
            slot.give()

    async def _follow(self, written: Committed) -> ActiveLease | None:
        """Return the lease of the next hop here, None if there is none."""
        following = written.following
        if written.freed is not None and (given := await self._here.claim(written.freed)) is not None:
            grant, asked_at = given
            try:
                following = self._keeper.track_lease(open_grant(self._runtime, grant), asked_at)
            except Exception as error:  # noqa: BLE001  (also of a codec that is broken: the lease is ours)
                await self._hold_unopened(grant, error, lambda: asked_at + margin(self._runtime))
        return following

    async def _hop(self, active: ActiveLease, slot: Slot | None) -> Committed | None:
        """Run one hop; returns its commit, with the next hop here if there is a ``slot`` for it."""
        runtime, leased, written = self._runtime, active.leased, None
        started = runtime.clock()
        try:
            served = self._executor.find(leased)
            async with runtime.hooks.around_step(leased) as active.span:
                if runtime.hooks.wants(StepBegan):
                    runtime.report(StepBegan(runtime.owner, leased))
                match await self._execute(active, served):
                    case Execution() as execution:
                        leased = active.leased = as_left(active, execution.outcome)
                        before = await read_before(runtime, active, execution)
                        commit = self._advance(active, execution, before, slot)
                        takes = partial(self._here.takes_freed, slot=slot)
                        written = await self._committer.commit(commit, lambda: active.good_until, leased, takes)
                        seconds = runtime.clock() - started
                        ended = (commit.transition, written.result.verdict, seconds, execution.error)
                        self._report(active, StepEnded(runtime.owner, leased, *ended))
                    case Cut.STOPPING:
                        await self._release(active)
                    case Cut():
                        self._report_end(active, LeaseLost(runtime.owner, leased, "the lease ran out or was taken"))
        except MessageRejected as error:  # the step has read an altered variable
            await self._hold_unopened(leased.grant, error, lambda: active.good_until)
        except Exception as error:  # noqa: BLE001  (an error that is not the step's: no lease is left lying for it)
            await self._fail(active, error)
        finally:
            self._keeper.drop(active)
        return written

    async def _complete(self, active: ActiveLease) -> ActiveLease | None:
        """Return the lease with its plan, verified, as long as it is valid; None if it was lost or the hop is held.

        A step that is cut short meanwhile is released: it has not begun, and without its plan nothing can be decided.
        """
        backoff = Backoff(*PATIENCE)
        try:
            with active:
                while not active.leased.is_complete and active.cut is None and not self._here.stopped:
                    try:
                        active.leased = await complete(self._runtime, active.leased)
                    except Unavailable as error:
                        self._runtime.trouble(f"reading what {active.held.key.message_id} follows", error)
                        await backoff.pause()
        except asyncio.CancelledError:
            if active.cut is None:
                raise
        except Exception as error:  # noqa: BLE001  (the plan is missing or was tampered with, or a store is broken)
            await self._hold_unopened(active.leased.grant, error, lambda: active.good_until)
            self._keeper.drop(active)
            return None
        if active.leased.is_complete:
            return active
        if active.cut is not Cut.LOST:
            await self._give_back(active)
        self._keeper.drop(active)
        return None

    # -- execute

    async def _execute(self, active: ActiveLease, served: Served | None) -> Execution | Cut:
        """Return the execution of the step, or the reason not to commit it.

        If the store is unavailable before the code has begun, it is tried again as long as the lease is held.
        """
        if active.good_until <= self._runtime.clock():
            active.interrupt(Cut.LOST)
        elif self._here.stopped:
            active.interrupt(Cut.STOPPING)
        backoff: Backoff | None = None
        try:
            with active:
                while active.cut is None:
                    try:
                        return await self._executor.execute(active.leased, served, active.progress)
                    except Unavailable as error:
                        self._runtime.trouble(f"reading what {active.held.key.message_id} needs", error)
                    backoff = backoff or Backoff(*PATIENCE)
                    await backoff.pause()
        except asyncio.CancelledError:
            if active.cut is None:
                raise
        outcome = self._cut_short(active, served)
        return Execution(outcome) if outcome is not None else active.cut or Cut.LOST

    def _cut_short(self, active: ActiveLease, served: Served | None) -> Outcome[Value] | None:
        """Return the outcome of a step that was cut short, None if its lease was lost or released."""
        begun = active.progress.begun
        match active.cut:
            case Cut.CANCELLED:
                request = active.cancel_request or CancelRequest.PLAIN
                return cancelled(request, begun=begun or has_begun(active.leased.grant))
            case Cut.STOPPING:
                return stop(active.leased, None if served is None else served.rules, begun=begun)
            case _:
                return None

    # -- advance and commit

    def _advance(self, active: ActiveLease, execution: Execution, before: Before, slot: Slot | None) -> Commit:
        """Return what the hop wants written; of the next, which is asked for if it can stay here, it takes the slot."""
        leased, outcome = active.leased, execution.outcome
        if before.seen:
            leased = replace(leased, seen=before.seen)
        if isinstance(outcome, Revised):
            leased = with_author(leased, outcome, self._runtime.registry)
        detail, saved = active.progress.unsent, active.progress.saved
        beside = Beside(execution.input, execution.blobs, detail, execution.history, saved=saved, notes=before.notes)
        return commit_outcome(self._runtime, leased, outcome, beside, partial(self._here.takes, slot=slot))

    # -- ends without an outcome

    async def _release(self, active: ActiveLease) -> None:
        """Release the lease of a step that this stopping worker has not begun or may leave to another."""
        if await self._give_back(active):
            self._report_end(active, StepReleased(self._runtime.owner, active.leased))

    async def _give_back(self, active: ActiveLease) -> bool:
        """Release a lease, and store its step's progress; returns False if the store is unavailable."""
        held, unsent = active.held, active.progress.unsent
        try:
            if unsent is not None:
                await self._runtime.store.beat([held], self._runtime.lease, self._keeper.signed({held: unsent}))
            await self._runtime.store.release([held])
        except Unavailable as error:
            self._runtime.trouble(f"releasing {held.key.message_id}; its lease will run out", error)
            return False
        self.released += 1
        return True

    async def _set_aside(self, grant: Grant, asked_at: float, error: Exception) -> None:
        """Hold a step whose message cannot be opened, or differs from its row, for a person."""
        try:
            await self._hold_unopened(grant, error, lambda: asked_at + margin(self._runtime))
        finally:
            self._slots.give(grant.topic)

    async def _hold_unopened(self, grant: Grant, error: Exception, good_until: Callable[[], float]) -> None:
        runtime, doing = self._runtime, f"opening {grant.key.message_id}"
        try:
            if isinstance(error, MessageRejected):
                transition = await end_or_hold(runtime, grant, error)
                doing += f", which is {reason_of(error)}"
            else:
                transition = self._internal(grant, None, error, begun=False)
        except Unavailable as away:
            runtime.trouble(f"reading what ends {grant.key.message_id}; its lease will run out", away)
            return
        runtime.trouble(doing, error)
        result, *_ = await self._committer.commit(commit_transition(runtime, grant, transition), good_until)
        if transition.end is not None and result.verdict is Verdict.OK and runtime.hooks.wants(RunEnded):
            runtime.report(run_ended(runtime, grant, transition.end.status, None))

    async def _fail(self, active: ActiveLease, error: Exception) -> None:
        """Record an error that is not the step's: of the engine, a hook, a codec or a plugin.

        If the store refuses even that, the lease expires, which counts as an attempt too. It is not released: a release
        would not count, and the same error would repeat at once, for ever.
        """
        grant = active.leased.grant
        self._runtime.trouble(f"running {grant.key.message_id}", error)
        try:
            transition = self._internal(grant, active.leased, error, begun=active.progress.begun)
            commit = commit_transition(self._runtime, grant, transition)
            await self._committer.commit(commit, lambda: active.good_until)
        except Exception as refused:  # noqa: BLE001  (there is nobody left to tell but the hooks)
            self._runtime.trouble(f"recording what went wrong with {grant.key.message_id}", refused)

    def _internal(self, grant: Grant, leased: Leased | None, error: Exception, *, begun: bool) -> Transition:
        known = leased is not None and leased.message.topic in self._runtime.registry
        served = self._executor.find(leased) if leased is not None and known else None
        rules = served and served.rules
        return fail_internally(grant, rules, describe(error), begun=begun, chance=self._runtime.chance())

    # -- reports

    def _report(self, active: ActiveLease, ended: StepEnded) -> None:
        runtime, leased = self._runtime, active.leased
        self._report_end(active, ended)
        end = ended.transition.end
        if ended.verdict in {Verdict.FENCED, Verdict.CLOSED}:
            why = "somebody took it over" if ended.verdict is Verdict.FENCED else "the run has ended"
            runtime.report(LeaseLost(runtime.owner, leased, f"the commit was refused: {why}"))
        elif end is not None and runtime.hooks.wants(RunEnded):
            headers = leased.message.headers
            runtime.report(run_ended(runtime, leased.grant, end.status, headers, ended.seconds))

    def _report_end(self, active: ActiveLease, ended: ExecutionEnd) -> None:
        if active.span is not None:
            active.span.end(ended)
        self._runtime.report(ended)
