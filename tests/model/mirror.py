"""Does to a real store what happened in the model, and says where the store answers otherwise."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from pydantic_core import from_json

from paigeant.abc import Store
from paigeant.model import hops as real
from paigeant.model.message import HopKey
from paigeant.model.outcomes import Completed, Fault, Faulted, FaultKind, Outcome, Parked, Retrying
from paigeant.model.retry import RetryPolicy
from paigeant.model.runs import CancelRequest, Direction, WaitReason
from paigeant.model.spending.budgets import Amount, Budget
from paigeant.model.spending.charges import Charge
from paigeant.model.stored.checkpoints import Checkpoint, Recording, StepEpoch
from paigeant.model.stored.claims import Announced, Due, Overdue
from paigeant.model.stored.reservations import Reservation, Reserved
from paigeant.model.stored.signals import SentSignal
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Value, inline
from paigeant.routing.admit import admit
from paigeant.routing.close import cancelled, deadline_passed
from paigeant.routing.rules import Rules
from paigeant.testing.builders import CODEC, FAULT, decided, new_run
from tests.model.protocol import deciding, nouns, store
from tests.model.protocol.nouns import Action, Commit, Grant, Hop, Run, Setting, Step, World

LONG, OVER, LATER = timedelta(minutes=5), timedelta(0), 3600.0
"""A lease that lasts, one that is over as soon as it is given, and when a retry is due that is not due yet."""

CUT: Final = Faulted(Fault(type="Interrupted", message="cut off", kind=FaultKind.INTERRUPTED))
OUTCOMES: Final[dict[str, Outcome[Value]]] = {
    "completed": Completed(inline("done")),
    "parked": Parked("ask Ann"),
    nouns.AWAITS.name: Parked("ask Ann", signal=nouns.GO),
    "parked, interrupted": Parked(WaitReason.INTERRUPTED),
    "failed": Faulted(FAULT),
    "failed, cut off": CUT,
}


class Mirror:
    """A real store, with what the workers of the model hold of it."""

    def __init__(self, real_store: Store, setting: Setting, *, late: bool) -> None:
        self.store, self.setting = real_store, setting
        deadline = -1.0 if late else None
        self.starts = [new_run(*self._topics(n), deadline=deadline) for n in range(setting.runs)]
        self.bodies = {(n, 1): start.twin.body for n, start in enumerate(self.starts)}
        self.grants: dict[tuple[int, int, int], real.Grant] = {}
        self.commits: dict[tuple[int, int, int], real.Commit] = {}
        self.deaths = [0] * len(setting.hands)
        self.recorded: dict[tuple[int, int, int], Checkpoint] = {}
        """What was recorded first of each call, by run, position and number: no two say the same."""
        self.history: list[str] = []

    async def start(self) -> None:
        await self.store.record_workflow_start(self.starts)

    def _topics(self, run: int) -> list[str]:
        """Each run's steps are activities of its own, so that a pick can ask for one of them."""
        return [f"{'abc'[run]}{step}" for step in range(len(self.setting.plan))]

    def owner(self, worker: int) -> str:
        """The name of a worker's process, never used again once it is dead."""
        return f"worker-{worker}-{self.deaths[worker]}"

    def key(self, run: int, position: int) -> HopKey:
        return HopKey(self.starts[run].workflow_id, "", position)

    # -- what happened

    async def follow(self, before: World, action: Action, after: World, *, at_once: bool) -> None:
        """Do the same; ``at_once`` says that a retry, if that is what is committed, is due without delay."""
        match action.verb:
            case "leases" | "picks" | "closes" | "is refused":
                await self._lease(before, action)
            case "beats" | "beats in vain":
                await self._beat(before, action)
            case "commits":
                await self._commit(before, action, at_once=at_once)
            case "releases":
                await self.store.release([self._held(_grant(before, action))])
            case "comes due" | "runs out":
                hop = before.runs[action.run].hops[action.position - 1]
                held = real.LeaseToken(self.key(action.run, action.position), hop.fence)
                [pulse] = await self.store.beat([held], OVER)
                assert pulse.alive, f"the lease that {action} is not the one with fence {hop.fence}"
            case "is signalled":
                await self._signal(before, action)
            case "is asked to be cancelled" | "is terminated" | "is resumed":
                await self._intervene(action)
            case _:
                await self._within(before, action)
        await self.compare(after)

    async def _within(self, before: World, action: Action) -> None:
        """What happens within a step, or without the store."""
        match action.verb:
            case "calls":
                await self._reserve(before, action)
            case "records" | "records in vain":
                await self._record(before, action)
            case "replays":
                assert str(_hand(before, action).calls) in await self._recorded(before, action)
            case _:
                self._alone(before, action)

    async def _intervene(self, action: Action) -> None:
        workflow_id = self.starts[action.run].workflow_id
        match action.verb:
            case "is terminated":
                await self.store.terminate(workflow_id)
            case "is resumed":
                await self.store.resume(workflow_id)
            case _:
                assert action.cancel_request is not None
                await self.store.request_cancel(workflow_id, action.cancel_request)

    async def _signal(self, before: World, action: Action) -> None:
        workflow_id, number = self.starts[action.run].workflow_id, action.signal
        expected, _ = store.receive(before.runs[action.run], number)
        sent = SentSignal(workflow_id, nouns.GO, str(number), inline(number))
        assert await self.store.send_signals([sent]) == [expected]

    def _alone(self, before: World, action: Action) -> None:
        """What a worker or the broker does without the store."""
        match action.verb:
            case "begins":
                self._may_begin(_grant(before, action), before, refused=None)
            case "dies" | "dies before it acknowledged":
                self.deaths[action.worker] += 1
            case "gives up" | "publishes" | "is announced" | "is lost" | "is doubled":
                pass
            case _:
                raise AssertionError(f"{action} is not known here")

    async def _record(self, before: World, action: Action) -> None:
        """Record the call under its lease; of one that is there already the first is the answer."""
        grant, number = _grant(before, action), _hand(before, action).calls
        hop = before.runs[grant.run].hops[grant.position - 1]
        held = self._held(grant)
        checkpoint = Checkpoint(str(number), to_json([grant.lease, len(self.history)]))
        charge = Charge(str(number), "p", "m", input_tokens=1)
        recording = Recording(held, checkpoint, (charge,), budgets=(self._budget(hop),))
        [recorded] = await self.store.record_checkpoints([recording])
        assert recorded.alive == (action.verb == "records")
        if recorded.alive:
            first = self.recorded.setdefault((grant.run, grant.position, number), checkpoint)
            assert recorded.checkpoint is not None
            assert recorded.checkpoint._replace(at=None, fence=0) == first
            assert from_json(first.payload)[0] == [*hop.recorded, grant.lease][number]

    async def _reserve(self, before: World, action: Action) -> None:
        """Reserve room for the call, as often as it is made; who has lost the lease is told so."""
        grant, number = _grant(before, action), _hand(before, action).calls
        run = before.runs[grant.run]
        wants = Reservation(self._held(grant), str(number), (self._budget(run.hops[grant.position - 1]),), Amount(0, 1))
        assert await self.store.reserve([wants]) == [Reserved(alive=store.is_held(run, grant))]

    def _budget(self, hop: nouns.Hop) -> Budget:
        """Return the budget of a step: room for each of its calls once."""
        return Budget(tokens=self.setting.plan[hop.step].calls, per="step")

    async def _recorded(self, before: World, action: Action) -> dict[str, Checkpoint]:
        """Return what the store has recorded of the step."""
        grant = _grant(before, action)
        message = CODEC.open(self.grants[grant[:3]].body).message
        step = StepEpoch(self.starts[grant.run].workflow_id, message.step_id, message.headers.direction)
        return await self.store.load_checkpoints(step)

    async def _lease(self, before: World, action: Action) -> None:
        run, position = action.run, action.position
        owner, topic = self.owner(action.worker), self._topics(run)[before.runs[run].hops[position - 1].step]
        match action.verb:
            case "picks":
                grants = await self.store.claim(owner, Due([topic]), 100, LONG)
            case "closes":
                grants = await self.store.claim(owner, Overdue(), 100, LONG)
            case _:
                notice = (self.key(run, position), hashlib.sha256(self.bodies[run, position]).digest())
                grants = await self.store.claim(owner, Announced([notice]), 10, LONG)
        if action.verb == "is refused":
            assert grants == []
            return
        old = before.runs[run]
        _, expected = store.lease(run, old, position, str(action.worker), self.setting)
        assert len(grants) == 1
        self._given(expected, grants[0])

    def _given(self, expected: Grant, grant: real.Grant) -> None:
        late = grant.remaining is not None and grant.remaining <= 0
        given = (grant.key, grant.fence, grant.attempt, grant.interrupted, grant.cancel, late)
        key = self.key(expected.run, expected.position)
        assert given == (key, *expected[3:]), f"{given} is not {expected}"
        self.grants[expected[:3]] = grant

    async def _beat(self, before: World, action: Action) -> None:
        grant = _grant(before, action)
        _, alive, cancel_request = store.beat(before.runs[grant.run], grant)
        [pulse] = await self.store.beat([self._held(grant)], LONG)
        assert (pulse.alive, pulse.cancel) == (alive, cancel_request)

    def _held(self, grant: Grant) -> real.LeaseToken:
        return self.grants[grant[:3]].held

    # -- commits

    async def _commit(self, before: World, action: Action, *, at_once: bool) -> None:
        grant = _grant(before, action)
        if before.workers[action.worker][action.hand].stage is nouns.Stage.LEASED:
            assert action.commit is not None
            self._may_begin(grant, before, refused=action.commit.outcome)
        assert action.commit is not None
        sent = self.sent(before.runs[grant.run], grant, action.commit, action.worker, at_once=at_once)
        [settled] = await self.store.record_step_result([sent], LONG)
        self.settled(before.runs[grant.run], grant, action.commit, action.worker, settled)

    def sent(self, run: Run, grant: Grant, made: Commit, worker: int, *, at_once: bool) -> real.Commit:
        """Return the real commit of this execution, the same when it is sent again."""
        known = self.commits.get(grant[:3])
        if known is None:
            known = self.commits[grant[:3]] = self._decided(run, grant, made, worker, at_once=at_once)
        return known

    def settled(self, run: Run, grant: Grant, made: Commit, worker: int, settled: real.CommitResult) -> Run:
        """Compare the answer with the model's, and return the run as the model has it afterwards."""
        after, expected = store.commit(run, grant, made, str(worker), self.setting)
        assert (settled.verdict, settled.cancel) == (expected.verdict, run.cancel_requested)
        assert (settled.handed_over is None) == (expected.moved is None)
        if settled.verdict is real.Verdict.OK:
            for twin in self.commits[grant[:3]].twins:
                self.bodies[grant.run, twin.key.position] = (
                    twin.body
                )  # what a zombie would have written is not announced
        if settled.handed_over is not None and expected.moved is not None:
            self._given(expected.moved, settled.handed_over)
        return after

    def _decided(self, run: Run, grant: Grant, made: Commit, worker: int, *, at_once: bool) -> real.Commit:
        """Let the real decision be taken, and compare it with the model's."""
        hop, given = run.hops[grant.position - 1], self.grants[grant[:3]]
        outcome = self.outcome(made.outcome, given, at_once=at_once)
        undo = self.setting.plan[hop.step].undo
        commit = decided(given, outcome, undo=undo, hand_over=made.moves, owner=self.owner(worker))
        expected, transition = deciding.decide(self.setting.plan, run, grant.position, made.outcome), commit.transition
        end = transition.end and transition.end.status
        assert (transition.hop.status, end) == (expected.status, expected.run if expected.run.final else None)
        assert len(commit.twins) == (expected.next is not None)
        for twin in commit.twins:
            following = expected.next
            assert following is not None
            back = twin.direction is Direction.COMPENSATE
            assert (twin.topic, back, twin.undoes.position if twin.undoes else 0) == (
                self._topics(grant.run)[following.step],
                following.back,
                following.undoes,
            )
        return commit

    def outcome(self, outcome: nouns.Outcome, grant: real.Grant, *, at_once: bool) -> Outcome[Value]:
        match outcome.name:
            case "retrying":
                return Retrying(FAULT, 0.0 if at_once else LATER)
            case "cancelled":
                cancel_request = CancelRequest.COMPENSATE if outcome.compensate else CancelRequest.PLAIN
                return cancelled(cancel_request, begun=outcome.doubt)
            case "late":
                return deadline_passed(self._leased(grant), begun=outcome.doubt)
            case nouns.AWAITS_A_WHILE.name:
                return Parked("a while", timedelta(seconds=0.0 if at_once else LATER), nouns.GO)
            case name:
                return OUTCOMES[name]

    def _leased(self, grant: real.Grant) -> real.Leased:
        return real.Leased(grant, CODEC.open(grant.body).message)

    def _may_begin(self, grant: Grant, before: World, *, refused: nouns.Outcome | None) -> None:
        """Ask the engine whether this step may begin, and compare its answer with the model's."""
        hop: Hop = before.runs[grant.run].hops[grant.position - 1]
        given = self.grants[grant[:3]]
        outcome = admit(self._leased(given), rules_of(self.setting.plan[hop.step], back=hop.back))
        assert sort_of(outcome) == sort_of(None if refused is None else self.outcome(refused, given, at_once=True))

    # -- what is there

    async def compare(self, world: World) -> None:
        """Compare every run, as it is shown, with the model's."""
        for start, run in zip(self.starts, world.runs, strict=True):
            view = await self.store.get_run(start.workflow_id)
            assert (view.status, view.cancel_requested) == (run.status, run.cancel_requested)
            topics = self._topics(self.starts.index(start))
            shown = [(s.step, s.direction is Direction.COMPENSATE, s.status, s.attempt, s.signal) for s in view.steps]
            assert shown == [(topics[hop.step], hop.back, hop.status, hop.attempt, hop.awaits) for hop in run.hops]
            met = [(signal.position, -signal.number, signal.id) for signal in run.signals if signal.position]
            carried = None if not met else max(met, key=lambda one: (one[0], -one[1]))[2]
            assert view.variables.get(nouns.GO) == carried

    async def commit_together(self, world: World) -> World:
        """Let all that anybody holds, also what is stale, be completed in one transaction; compare each answer."""
        hands = [
            (worker, hand.grant, hand.commit or Commit(nouns.COMPLETED, moves=True))
            for worker, held in enumerate(world.workers)
            for hand in held
            if hand.grant is not None and hand.grant.lease
        ]
        runs = list(world.runs)
        sent = [self.sent(runs[grant.run], grant, made, worker, at_once=False) for worker, grant, made in hands]
        answers: Sequence[real.CommitResult] = await self.store.record_step_result(sent, LONG) if sent else []
        for (worker, grant, made), settled in zip(hands, answers, strict=True):
            runs[grant.run] = self.settled(runs[grant.run], grant, made, worker, settled)
        after = world._replace(runs=tuple(runs))
        await self.compare(after)
        return after


def _grant(world: World, action: Action) -> Grant:
    grant = world.workers[action.worker][action.hand].grant
    assert grant is not None
    return grant


def _hand(world: World, action: Action) -> nouns.Hand:
    return world.workers[action.worker][action.hand]


def rules_of(step: Step, *, back: bool) -> Rules:
    """Return the rules of a step of the model; a compensation always runs again."""
    retry = RetryPolicy(max_attempts=step.max_attempts)
    return Rules(retry, None, deciding.OnInterrupt.RERUN if back else step.on_interrupt)


def sort_of(outcome: Outcome[Any] | None) -> Any:
    """Return what must be equal of two outcomes: all but the words."""
    if isinstance(outcome, Faulted):
        cut_short = outcome.fault.kind in {FaultKind.INTERRUPTED, FaultKind.TIMEOUT}
        kind = FaultKind.INTERRUPTED if cut_short else outcome.fault.kind
        return replace(outcome, fault=Fault(type="", message="", kind=kind))
    if isinstance(outcome, Retrying):
        return Retrying
    return outcome
