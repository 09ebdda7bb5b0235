"""What a worker may do next: lease, begin, beat, commit, publish, give up; and die."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from paigeant.model.entries.step import OnInterrupt
from paigeant.model.hops import Verdict
from tests.model.protocol import store
from tests.model.protocol.deciding import cancelled, interrupted, judge_error, judge_timeout, late, refuse
from tests.model.protocol.nouns import (
    AWAITS,
    AWAITS_A_WHILE,
    COMPLETED,
    DEAD,
    EMPTY,
    PARKED,
    Action,
    Commit,
    Due,
    Grant,
    Hand,
    Hop,
    Outcome,
    Run,
    Setting,
    Stage,
    Step,
    World,
)

Moves = Iterator[tuple[Action, World]]


def spend(world: World, fault: str) -> World:
    """Return the world with one fault of this kind fewer to come."""
    return world._replace(left=world.left._replace(**{fault: getattr(world.left, fault) - 1}))


def put(world: World, number: int, run: Run) -> World:
    """Return the world with this run as it is now."""
    return world._replace(runs=(*world.runs[:number], run, *world.runs[number + 1 :]))


def hold(world: World, worker: int, place: int, hand: Hand) -> World:
    """Return the world with something else in this hand."""
    hands = world.workers[worker]
    hands = (*hands[:place], hand, *hands[place + 1 :])
    return world._replace(workers=(*world.workers[:worker], hands, *world.workers[worker + 1 :]))


class Worker:
    """One hand of a worker, in one world. Workers with several have an equal for each."""

    def __init__(self, world: World, setting: Setting, worker: int, place: int) -> None:
        self.world, self.setting, self.worker, self.place = world, setting, worker, place
        self.hand = world.workers[worker][place]
        self.name = str(worker)

    def moves(self) -> Moves:
        """Yield what this hand may do next, each with the world after it."""
        match self.hand.stage:
            case Stage.IDLE:
                yield from self.receive() if self.setting.broker else self.pick()
                yield from self.close()
            case Stage.LEASED:
                yield from self.begin()
                yield from self.stop()
            case Stage.RUNNING:
                yield from self.beat()
                yield from self.end()
                yield from self.stop()
            case Stage.DECIDED:
                yield from self.commit(self.grant, self.hand.commit or Commit(COMPLETED))
            case Stage.PUBLISHING:
                message = (self.grant.run, self.grant.position)
                yield self.act("publishes", self.world._replace(broker=(*self.world.broker, message)), EMPTY)

    @property
    def grant(self) -> Grant:
        assert self.hand.grant is not None
        return self.hand.grant

    @property
    def run(self) -> Run:
        return self.world.runs[self.grant.run]

    @property
    def hop(self) -> Hop:
        return self.run.hops[self.grant.position - 1]

    @property
    def step(self) -> Step:
        return self.setting.plan[self.hop.step]

    def act(self, verb: str, world: World, hand: Hand, grant: Grant | None = None, **more: Any) -> tuple[Action, World]:
        """Return the action of this hand, and the world after it with something else in the hand."""
        grant = grant or self.grant
        action = Action(verb, self.worker, self.place, grant.run, grant.position, **more)
        return action, hold(world, self.worker, self.place, hand)

    # -- the two intakes, and closing

    def receive(self) -> Moves:
        """A message arrives; the store leases its hop, or it has passed. Either way it is acknowledged and gone.

        Until then it is the broker's: what was not acknowledged is delivered again.
        """
        for message in set(self.world.broker):
            left = list(self.world.broker)
            left.remove(message)
            world = self.world._replace(broker=tuple(left))
            hop = world.runs[message[0]].hops[message[1] - 1]
            if store.may_lease(world.runs, self.name, hop):
                yield from self.lease("leases", world, *message)
            else:
                yield self.act("is refused", world, EMPTY, Grant(*message, 0, 0, 0))

    def pick(self) -> Moves:
        """The pick of a due twin is its lease."""
        for run, position, hop in twins(self.world):
            if store.may_lease(self.world.runs, self.name, hop) and not hop.hidden:
                yield from self.lease("picks", self.world, run, position)

    def close(self) -> Moves:
        """Take up what must end, whether it is due or not."""
        for run, position, hop in twins(self.world):
            if store.may_close(self.world.runs[run], hop):
                yield from self.lease("closes", self.world, run, position)

    def lease(self, verb: str, world: World, number: int, position: int) -> Moves:
        closing = verb == "closes"
        run, grant = store.lease(number, world.runs[number], position, self.name, self.setting, closing=closing)
        world = put(world, number, run)
        yield self.act(verb, world, Hand(Stage.LEASED, grant), grant)
        if world.left.silence:
            yield self.act(verb, spend(world, "silence"), EMPTY, grant, lost=True)

    # -- the step

    def begin(self) -> Moves:
        """Begin, unless it must not run; nothing begins on a lease that has run out by the worker's own clock."""
        refused = refuse(self.step, self.hop, self.grant)
        if refused is not None:
            yield from self.commit_either_way(refused)
        elif store.is_held(self.run, self.grant) and self.hop.due is not Due.NOW:
            hop = self.hop._replace(tries=self.hop.tries + 1, loose=True)
            world = put(self.world, self.grant.run, store.change(self.run, self.grant.position, hop))
            known = 0 if "recall" in self.setting.without else len(self.hop.recorded)
            yield self.act("begins", world, self.hand._replace(stage=Stage.RUNNING, known=known))
        else:
            yield self.act("gives up", self.world, EMPTY)

    def beat(self) -> Moves:
        """Renew the lease and hear of a cancel request; a lease that is lost is given up."""
        run, alive, cancel_request = store.beat(self.run, self.grant)
        heard = (
            self.hand._replace(cut=cancel_request) if cancel_request is not None and not self.hop.back else self.hand
        )
        if not alive:
            yield self.act("beats in vain", self.world, EMPTY)
        elif run != self.run or heard != self.hand:
            yield self.act("beats", put(self.world, self.grant.run, run), heard)

    def end(self) -> Moves:
        """The step comes to an end, one way or another, and is committed."""
        if self.hand.cut is not None:
            yield from self.commit_either_way(cancelled(self.hand.cut, begun=True))
            return
        if self.hand.calls >= self.step.calls or self.hop.back:
            yield from self.commit_either_way(COMPLETED)
        if self.run.late and not self.hop.back:
            yield from self.commit_either_way(late(begun=True))
        for fault, outcome in (
            ("error", judge_error(self.step, self.grant)),
            ("timeout", judge_timeout(self.step, self.hop, self.grant)),
            ("park", PARKED),
            ("wait", AWAITS),
            ("wait", AWAITS_A_WHILE),
        ):
            if getattr(self.world.left, fault):
                yield from self.commit_either_way(outcome, spend(self.world, fault))

    def stop(self) -> Moves:
        """Asked to stop: what has begun and must not begin again ends as interrupted; the rest is released.

        But for what is not to be run by anybody: that ends as it would without the stop, by ``begin``.
        """
        if not self.world.left.stop or self.hand.cut is not None:
            return
        world = spend(self.world, "stop")
        begun = self.hand.stage is Stage.RUNNING
        if begun and not self.hop.back and self.step.on_interrupt is not OnInterrupt.RERUN:
            yield from self.commit(self.grant, Commit(interrupted(self.step)), world)
        elif begun or refuse(self.step, self.hop, self.grant) is None:
            run = store.release(self.run, self.grant)
            yield self.act("releases", put(world, self.grant.run, run), EMPTY)

    # -- the commit

    def commit_either_way(self, outcome: Outcome, world: World | None = None) -> Moves:
        """Commit, with and without asking for the next step: whether there is a free seat for it nobody knows here."""
        yield from self.commit(self.grant, Commit(outcome), world)
        if outcome == COMPLETED and not self.hop.back and self.hop.step + 1 < len(self.setting.plan):
            yield from self.commit(self.grant, Commit(outcome, moves=True), world)

    def commit(self, grant: Grant, made: Commit, world: World | None = None) -> Moves:
        """Send the commit. Its answer may be lost: then it is sent again."""
        world = world or self.world
        decided = self.hand._replace(stage=Stage.DECIDED, commit=made)
        unlocked = "lock" in self.setting.without and not self.hand.judged
        if unlocked and store.judge(self.run, grant, made) is Verdict.OK:
            yield self.act("is judged", world, decided._replace(judged=True), commit=made)
            return
        run, settled = self._written(grant, made)
        after = put(world, grant.run, run)
        yield self.act("commits", after, self.after(run, settled), commit=made)
        if world.left.silence:
            yield self.act("commits", spend(after, "silence"), decided._replace(judged=False), commit=made, lost=True)

    def _written(self, grant: Grant, made: Commit) -> tuple[Run, store.CommitResult]:
        if not self.hand.judged:
            return store.commit(self.run, grant, made, self.name, self.setting)
        run, moved = store.write(self.run, grant, made, self.name, self.setting)
        return run, store.CommitResult(Verdict.OK, moved)

    def after(self, run: Run, settled: store.CommitResult) -> Hand:
        """Return what is in the hand once the answer is there: the next step, its message to be sent, or nothing."""
        written = settled.verdict in {Verdict.OK, Verdict.ALREADY}
        if settled.moved is not None:
            return Hand(Stage.LEASED, settled.moved)
        follows = len(run.hops) > self.grant.position
        if written and follows and self.setting.broker:
            return Hand(Stage.PUBLISHING, Grant(self.grant.run, self.grant.position + 1, 0, 0, 0))
        return EMPTY


def twins(world: World) -> Iterator[tuple[int, int, Hop]]:
    """Yield the pending hops with their run and position."""
    for run, one in enumerate(world.runs):
        for position, hop in enumerate(one.hops, 1):
            if hop.pending:
                yield run, position, hop


def crash(world: World, setting: Setting, worker: int) -> Moves:
    """A worker dies. What it had received and not acknowledged yet is delivered again."""
    hands = world.workers[worker]
    busy = [hand.grant for hand in hands if hand.grant is not None]
    if not busy:
        return
    dead = world._replace(
        runs=tuple(_orphaned(run, worker) for run in world.runs),
        workers=(*world.workers[:worker], (EMPTY,) * len(hands), *world.workers[worker + 1 :]),
    )
    yield Action("dies", worker, run=busy[0].run, position=busy[0].position), dead
    received = [(hand.grant.run, hand.grant.position) for hand in hands if hand.grant and hand.stage is Stage.LEASED]
    if setting.broker and received:
        again = dead._replace(broker=(*dead.broker, *received))
        yield Action("dies before it acknowledged", worker, run=busy[0].run, position=busy[0].position), again


def _orphaned(run: Run, worker: int) -> Run:
    return run._replace(hops=tuple(hop._replace(owner=DEAD) if hop.owner == str(worker) else hop for hop in run.hops))
