"""What may happen next: workers lease, decide and commit, or die; leases run out; people intervene."""

from __future__ import annotations

from collections.abc import Iterator

from paigeant.model.hops import Verdict
from paigeant.model.runs import CancelRequest, RunStatus
from paigeant.model.stored.signals import Receipt
from paigeant.protocol import leases
from tests.model.protocol.nouns import DEAD, NOW, Due
from tests.model.tree import store
from tests.model.tree.nouns import EMPTY, Hand, Hop, Run, Setting, Stage, World

Moves = Iterator[tuple[str, World]]


def moves(world: World, setting: Setting) -> Moves:
    """Yield all that may happen next, each with the world after it."""
    for worker, hand in enumerate(world.hands):
        if hand.stage is Stage.IDLE:
            if hand == EMPTY and EMPTY not in world.hands[:worker]:  # two idle workers are alike
                yield from _lease(world, worker)
        else:
            yield from _go_on(world, setting, worker, hand)
            if world.left.crash:
                yield f"worker {worker} dies", _dead(world, worker, hand)
    yield from _time(world)
    yield from _people(world, setting)


def _spend(world: World, fault: str) -> World:
    return world._replace(left=world.left._replace(**{fault: getattr(world.left, fault) - 1}))


def _hold(world: World, worker: int, hand: Hand) -> World:
    return world._replace(hands=(*world.hands[:worker], hand, *world.hands[worker + 1 :]))


def _lease(world: World, worker: int) -> Moves:
    for run in world.runs:
        for hop in run.hops:
            closing = leases.may_close(run, hop, hop.direction, NOW)
            if leases.is_due(hop, NOW) or closing:
                after, hand = store.lease(run, hop, str(worker))
                yield (
                    f"worker {worker} leases {_name(hop)}",
                    _hold(store.put(world, after), worker, hand._replace(stage=Stage.LEASED)),
                )


def _name(hop: Hop) -> str:
    return f"{'AB'[hop.key.run]} {hop.path}:{hop.position} ({'undoing ' * hop.back}{hop.kind})"


def _go_on(world: World, setting: Setting, worker: int, hand: Hand) -> Moves:
    assert hand.key is not None
    run = world.runs[hand.key.run]
    hop = run.hop(hand.key)
    if hand.stage is Stage.LEASED:
        for outcome, after in _decide(world, run, hop, hand):
            yield (
                f"worker {worker} finds that {_name(hop)} {outcome}",
                _hold(after, worker, hand._replace(stage=Stage.DECIDED, outcome=outcome)),
            )
        return
    if hand.stage is Stage.DECIDED and "lock of a join" in setting.without and hand.outcome in _COUNTED:
        read = run.join.get(2 if hop.back and hop.path else 1)
        yield (
            f"worker {worker} counts by what it reads",
            _hold(world, worker, hand._replace(stage=Stage.JUDGED, read=read)),
        )
        return
    after, said = store.commit(world, hand, setting)
    yield f"worker {worker} commits {_name(hop)}: {hand.outcome}, {said}", _hold(after, worker, EMPTY)
    if world.left.silence and said is Verdict.OK:
        yield f"worker {worker} commits {_name(hop)}: {hand.outcome}, and hears nothing", _spend(after, "silence")


_COUNTED = {"completed", "failed", "cancelled", "begins branches"}


def _decide(world: World, run: Run, hop: Hop, hand: Hand) -> Iterator[tuple[str, World]]:
    """Yield what a hop may come to, by what its worker reads now."""
    ends = hand.cancel is not None and not hop.back
    match hop.kind:
        case "fan":
            yield _fan(run, hop, ends=ends), world
        case "child":
            yield _child(world, hop, ends=ends), world
        case "wait":
            met = hop.wait == "met"
            yield "cancelled" if ends else "goes on" if met else "waits for a signal", world
        case _:
            yield "cancelled" if ends else "completed", world
            if world.left.error and not ends and not hop.back:
                yield "failed", _spend(world, "error")


def _fan(run: Run, hop: Hop, *, ends: bool) -> str:
    join = run.join.get(hop.position)
    if join is None:
        return "cancelled" if ends else "begins branches"
    if not join.settled:
        return "begins branches" if join.closing is None and join.written < join.start.total else "waits on"
    if hop.back:
        return "completed"
    return "goes on" if join.enough and not ends else "cancelled" if ends else "failed"


def _child(world: World, hop: Hop, *, ends: bool) -> str:
    if hop.wait is None:
        return "cancelled" if ends else "begins child"
    status = world.runs[1].status
    if not status.final:
        return "waits for child"
    return "goes on" if status is RunStatus.COMPLETED and not ends else "cancelled" if ends else "failed"


def _dead(world: World, worker: int, hand: Hand) -> World:
    assert hand.key is not None
    run = world.runs[hand.key.run]
    hop = run.hop(hand.key)
    if hop.owner == str(worker):
        world = store.put(world, store.change(run, hop._replace(owner=DEAD)))
    return _spend(_hold(world, worker, EMPTY), "crash")


def _time(world: World) -> Moves:
    """Leases run out: of who died by themselves, of who lives only as a fault."""
    for run in world.runs:
        for hop in run.hops:
            if hop.due is not Due.LATER or not hop.pending:
                continue
            after = store.put(world, store.change(run, hop._replace(due=Due.NOW)))
            lives = any(hand.key == hop.key and hand.fence == hop.fence for hand in world.hands)
            if not lives:
                yield f"{_name(hop)} comes due", after
            elif world.left.slow:
                yield f"the lease on {_name(hop)} runs out", _spend(after, "slow")


def _people(world: World, setting: Setting) -> Moves:
    run = world.runs[0]
    if not run.status.final:
        if world.left.cancel:
            cancelled = store.request_cancel(world, run, CancelRequest.COMPENSATE)
            yield "A is asked to be cancelled", _spend(cancelled, "cancel")
        if world.left.terminate:
            yield "A is terminated", _spend(store.terminate(world, run), "terminate")
    if world.sending is not None:
        number, position = world.sending
        after = store.keep(run, number, Receipt.KEPT if position is None else Receipt.MET, position)
        yield f"signal {number} is written", store.put(world._replace(sending=None), after)
        return
    numbers = [world.left.signal] if world.left.signal else []
    for number in numbers:
        yield from _send(_spend(world, "signal"), number, setting)
    if world.left.again and run.signals:
        yield from _send(_spend(world, "again"), run.signals[0].id, setting)


def _send(world: World, number: int, setting: Setting) -> Moves:
    run = world.runs[0]
    receipt, position = store.receive(run, number)
    if "lock of a signal" in setting.without:
        yield f"signal {number} looks what waits", world._replace(sending=(number, position))
    else:
        yield f"signal {number} comes: {receipt}", store.put(world, store.keep(run, number, receipt, position))
