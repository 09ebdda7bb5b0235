"""What one transaction of the store does with trees: it asks the real decisions, and carries out what they say."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from paigeant.model import hops as real
from paigeant.model.fan.joins import Arrival, BranchEnd, Closing, JoinStart, JoinState, branch_at, branch_path, under
from paigeant.model.hold import NOW as AT_ONCE
from paigeant.model.hold import Child, Join, Window
from paigeant.model.hold import Signal as AwaitedSignal
from paigeant.model.hops import LeaseToken, RunStart, Verdict
from paigeant.model.message import HopKey
from paigeant.model.outcomes import FaultKind
from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import CancelRequest, RunStatus
from paigeant.model.stored.signals import Receipt
from paigeant.model.transition import Done, FanOut, Held, Left, Transition
from paigeant.model.values.values import NULL
from paigeant.protocol import holds, leases, operate, signals, verdict
from paigeant.protocol.fan import joins
from paigeant.protocol.tree import children
from paigeant.testing.builders import FAULT, new_run
from tests.model.protocol.nouns import LEASE, NOW, Due
from tests.model.tree.nouns import GO, IDS, Branch, Hand, Hop, Key, Run, Setting, Signal, World

UNDO = Compensation(1, "step", UUID(int=1))
_CHILD: RunStart = new_run("step", workflow_id=IDS[1])


def put(world: World, run: Run) -> World:
    """Return the world with this run as it is now."""
    runs = list(world.runs)
    runs[run.number : run.number + 1] = [run]
    return world._replace(runs=tuple(runs))


def change(run: Run, *hops: Hop) -> Run:
    """Return the run with these hops as they are now, or with them too."""
    by_key = {hop.key: hop for hop in (*run.hops, *hops)}
    return run._replace(hops=tuple(by_key[key] for key in sorted(by_key)))


def written(hop: Hop, changes: NamedTuple) -> Hop:
    """Return the hop once this is written to it."""
    columns: dict[str, Any] = {name: value for name, value in changes._asdict().items() if name in Hop._fields}
    if "due_at" in changes._fields:
        columns["due"] = Due.of(changes._asdict()["due_at"])
    return hop._replace(**columns)


def lease(run: Run, hop: Hop, owner: str) -> tuple[Run, Hand]:
    """Give a lease."""
    taken = written(hop, leases.take(hop, owner, NOW, LEASE))._replace(leases=hop.leases + 1)
    cancel = joins.cancel_on(run, hop.path)
    return change(run, taken), Hand(key=hop.key, fence=taken.fence, lease=taken.leases, cancel=cancel)


@cache
def _transition(outcome: str) -> Transition:
    match outcome:
        case "begins branches" | "waits on":
            return Transition(Held(Join()))
        case "begins child" | "waits for child":
            return Transition(Held(Child()))
        case "waits for a signal":
            return Transition(Held(AwaitedSignal(GO), enters=True))
        case "completed" | "goes on":
            return Transition(Left(Done(NULL)))
        case "cancelled":
            return Transition(Left(FAULT.model_copy(update={"kind": FaultKind.CANCELLED})))
        case _:
            return Transition(Left(FAULT))


def _real_commit(hand: Hand) -> real.Commit:
    assert hand.key is not None
    token = LeaseToken(HopKey(IDS[hand.key.run], *hand.key[1:]), hand.fence)
    child = _CHILD if hand.outcome == "begins child" else None
    return real.Commit(token, "", UUID(int=hand.lease), _transition(hand.outcome), child=child)


def commit(world: World, hand: Hand, setting: Setting) -> tuple[World, Verdict]:
    """Commit one hop whole, or not at all."""
    assert hand.key is not None
    run = world.runs[hand.key.run]
    hop = run.hop(hand.key)
    made = _real_commit(hand)
    said = verdict.judge(run, hop, hand.fence, made.execution.int, completes=False, done=False)
    if said is not Verdict.OK:
        return world, said
    match made.transition.hop:
        case Held() as held:
            closes = children.closes_node(run, made, hop.direction)
            changed = holds.hold(hop, held, made, NOW, closes=closes)  # pyright: ignore[reportArgumentType]
        case Left() as left:
            changed = holds.leave(hop, left, made, NOW)  # pyright: ignore[reportArgumentType]
    hop = written(hop, changed)._replace(committed_by=hand.lease)
    return _follow(put(world, change(run, hop)), hop, hand, setting), said


def _follow(world: World, hop: Hop, hand: Hand, setting: Setting) -> World:
    """Write what follows from a commit beside its hop."""
    run = world.runs[hop.key.run]
    match hand.outcome:
        case "begins branches" | "waits on":
            return put(world, _fan_out(run, hop, hand, setting))
        case "begins child" | "waits for child":
            return _child(world, run, hop, begins=hand.outcome == "begins child")
        case "waits for a signal":
            kept = signals.find_kept(GO, run.signals)
            return world if kept is None or hop.awaits is None else put(world, _meet(run, hop, kept))
        case "goes on":
            run = run._replace(closing=joins.forget_closing(run.closing, HopKey(IDS[0], hop.path, hop.position)))
            return put(world, change(run, _added(run, Key(hop.key.run, hop.path, hop.position + 1))))
        case "completed" | "failed" | "cancelled":
            return _left(world, hop, hand, setting)
        case _:
            return world


def _child(world: World, run: Run, hop: Hop, *, begins: bool) -> World:
    """A node begins its child, unless it is to end; or waits on for one that has ended meanwhile, and is due."""
    if begins:
        first = Run(1, (Hop(Key(1, "", 1)),))
        return world._replace(runs=(*world.runs, first)) if children.may_begin(run, hop.path) else world
    ended = world.runs[1].status.final
    return put(world, change(run, written(hop, children.tell(NOW)))) if ended else world


def _added(run: Run, key: Key, *, window: bool = False, **more: Any) -> Hop:
    hop = Hop(key, **more)
    closes = joins.closes_on(run, key.path, hop.direction)
    return written(hop, holds.add(Window() if window else AT_ONCE, NOW, closes=closes))


def _left(world: World, hop: Hop, hand: Hand, setting: Setting) -> World:
    """A step is behind, or given up: on to the next, or back, or the branch or the run has ended."""
    run, done = world.runs[hop.key.run], hand.outcome == "completed"
    if not hop.path:
        if hop.kind == "fan" and not hop.back and (join := run.join.get(hop.position)) and join.undoable:
            return put(world, change(run, _added(run, Key(0, "", hop.position + 1), kind="fan", back=True)))
        undone = hop.back or any(one.undone for _, one in run.joins)
        ended = RunStatus.COMPENSATED if undone and (done or hop.kind == "fan") else RunStatus.FAILED
        ended = RunStatus.COMPLETED if done and not hop.back else ended
        return end(world, run, ended)
    branch = run.branches[branch_at(hop.path).number]
    following = Key(0, hop.path, hop.position + 1)
    if done and not hop.back:
        branch = branch._replace(undoable=branch.undoable + setting.undoable)
        run = _noted(run, hop.path, branch)
        if hop.position < setting.steps:
            return put(world, change(run, _added(run, following)))
        undo = (UNDO,) * branch.undoable
        return _arrive(world, run, hop, Arrival(branch_at(hop.path), BranchEnd.COMPLETED, undo=undo), hand, setting)
    left = branch.undoable - hop.back
    run = _noted(run, hop.path, branch._replace(undoable=left))
    if left:
        return put(world, change(run, _added(run, following, back=True, undoes=left)))
    back = _back_of(run, hop.path)
    end_as = BranchEnd.COMPLETED if back else BranchEnd.CANCELLED if hand.cancel else BranchEnd.FAILED
    ends = end_as is BranchEnd.CANCELLED
    return _arrive(world, run, hop, Arrival(branch_at(hop.path), end_as, undone=hop.back, ends=ends), hand, setting)


def _back_of(run: Run, path: str) -> bool:
    """Tell whether a branch is undone for its node: then it had ended, and completed."""
    return 2 in run.join and run.join[2].start.back and run.branches[branch_at(path).number].end is BranchEnd.COMPLETED


def _noted(run: Run, path: str, branch: Branch) -> Run:
    number = branch_at(path).number
    return run._replace(branches=(*run.branches[:number], branch, *run.branches[number + 1 :]))


# -- joins


def _fan_out(run: Run, hop: Hop, hand: Hand, setting: Setting) -> Run:
    """A node has branches begin, or, on the way back, those that can be undone go back."""
    if hop.back:
        gone_back = {hop.path for hop in run.hops if hop.back}
        numbers = [
            number
            for number, one in enumerate(run.branches)
            if one.end is BranchEnd.COMPLETED and (one.undoable or branch_path("", 1, number) in gone_back)
        ]
        start = JoinStart(len(numbers), len(numbers), setting.window, setting.on_fault, collect=False, back=True)
    else:
        numbers = list(range(setting.branches))
        start = JoinStart(len(numbers), setting.needed, setting.window, setting.on_fault)
    known = run.join.get(hop.position)
    first = known is None
    if known is None:
        ends = not hop.back and joins.cancel_on(run, hop.path) is not None
        known = JoinState(start, closing=Closing.ENDED if ends else None)
    join = known if hand.read is None else hand.read
    here = numbers[join.written : join.written + 1]  # one at a time: so a supply meets arrivals
    if not joins.accepts(join) or hand.outcome == "waits on":
        here = []
    if not hop.back:
        run = run._replace(branches=(*run.branches, *(Branch() for _ in here)))
    paths = [branch_path(hop.path, 1, number) for number in here]
    begun = [_added(run, Key(0, path, _next(run, path)), window=True, back=hop.back, undoes=hop.back) for path in paths]
    run = change(run, *begun)
    change_of = joins.fan_out(join, FanOut(start if first else None), len(here))
    return _apply(run, hop.position, change_of)


def _next(run: Run, path: str) -> int:
    return max((hop.position for hop in run.hops if hop.path == path), default=0) + 1


def _arrive(world: World, run: Run, hop: Hop, arrival: Arrival, hand: Hand, setting: Setting) -> World:
    """The end of a branch counts, in the transaction that leaves its last hop."""
    back = _back_of(run, hop.path)
    node = 2 if back else 1
    join = run.join[node] if hand.read is None else hand.read
    if not back:
        branch = run.branches[arrival.branch.number]
        run = _noted(run, hop.path, branch._replace(end=arrival.end))
    return put(world, _apply(run, node, joins.arrive(join, arrival)))


def _apply(run: Run, position: int, made: joins.JoinChange) -> Run:
    """Write what becomes of a join, and of the hops that it frees or closes."""
    run = run._replace(joins=tuple(sorted({**run.join, position: made.join}.items(), key=lambda one: one[0])))
    waiting = sorted(hop for hop in run.hops if hop.wait == "window" and hop.pending)
    for hop in waiting[: len(made.released)]:
        run = change(run, written(hop, joins.free(None, NOW)))
    if made.closed:
        for hop in waiting[len(made.released) :]:
            run = change(run, written(hop, joins.never(hop, NOW)))
            run = _noted(run, hop.path, run.branches[branch_at(hop.path).number]._replace(end=BranchEnd.CANCELLED))
    node = run.hop(Key(0, "", position))
    if made.due and joins.may_free(node):
        run = change(run, written(node, joins.free(node.wait, NOW)))
    if made.closes:
        run = run._replace(closing=(*(run.closing or ()), under("", position)))
        run = _end_early(run, under("", position))
    return run


def _end_early(run: Run, prefix: str) -> Run:
    for hop in run.hops:
        if hop.path.startswith(prefix) and operate.may_end_early(hop):
            run = change(run, written(hop, operate.end_early(NOW)))
    return run


# -- ends


def end(world: World, run: Run, status: RunStatus) -> World:
    """End a run: nothing of it is open any more; the node of its parent hears of it in the same transaction."""
    hops = [written(hop, operate.abandon(hop, NOW)) if leases.is_open(hop) else hop for hop in run.hops]
    world = put(world, change(run, *hops)._replace(status=status, ends=run.ends + 1))
    if run.number == 0:
        return world
    parent = world.runs[0]
    node = parent.hop(Key(0, "", 1))
    return put(world, change(parent, written(node, children.tell(NOW)))) if children.may_tell(node) else world


def request_cancel(world: World, run: Run, request: CancelRequest) -> World:
    """Note the request, in all that has begun within the run too."""
    requested = operate.request_cancel(run, request, NOW)
    if requested is None:
        return world
    run = run._replace(cancel_requested=requested.cancel_requested)
    for position, join in run.joins:
        made = joins.close(join)
        if made.join != join:
            run = _apply(run, position, made._replace(closes=False))
    world = put(world, _end_early(run, ""))
    below = world.runs[1:] if run.number == 0 else ()
    for child in below:
        world = request_cancel(world, child, request)
    return world


def terminate(world: World, run: Run) -> World:
    """End a run now, and all that has begun within it."""
    if operate.terminate(run, NOW) is None:
        return world
    world = end(world, run, RunStatus.TERMINATED)
    for child in world.runs[1:] if run.number == 0 else ():
        world = terminate(world, child)
    return world


# -- signals


def receive(run: Run, signal_id: int) -> tuple[Receipt, int | None]:
    """Say what becomes of a signal, and which hop it meets."""
    kept = sum(signal.position is None for signal in run.signals)
    repeated = any(signal.id == signal_id for signal in run.signals)
    receipt, hop = signals.receive(run, GO, run.hops, repeated=repeated, kept=kept)
    return receipt, None if hop is None else hop.position


def keep(run: Run, signal_id: int, receipt: Receipt, position: int | None) -> Run:
    """Write what was said of a signal."""
    if receipt not in {Receipt.MET, Receipt.KEPT}:
        return run
    signal = Signal(len(run.signals) + 1, signal_id)
    run = run._replace(signals=(*run.signals, signal))
    return run if position is None else _meet(run, run.hop(Key(0, "", position)), signal)


def _meet(run: Run, hop: Hop, signal: Signal) -> Run:
    place = signal.number - 1
    met = (*run.signals[:place], signal._replace(position=hop.position), *run.signals[place + 1 :])
    return change(run, written(hop, signals.meet(NOW))._replace(met=hop.met + 1))._replace(signals=met)
