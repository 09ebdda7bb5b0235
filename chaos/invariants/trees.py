"""I13 and I14: joins fire once, after their branches; signals meet one wait each, and children start and end once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from chaos.history import Branch, History, Hop, Join, RunRow
from chaos.invariants.breach import Breach, place_of
from chaos.journeys import SIGNALS, places_of
from chaos.load import KINDS, payload_of

_FANS = frozenset({"for_each", "parallel"})


def joins_fire_once_after_their_branches(history: History) -> Iterator[Breach]:
    """I13: a node with branches is left once, when all that began have ended, each counted once; none goes on later."""
    cut_off = {row.run for row in history.runs if row.status == "terminated"}
    nodes = {hop.key: hop for hop in history.hops if hop.kind in _FANS and (hop.done or hop.run not in cut_off)}
    joins = {(join.run, join.path, join.position): join for join in history.joins}
    paths = history.paths_of()
    branches: dict[tuple[str, str, int], list[Branch]] = {}
    for branch in history.branches:
        branches.setdefault((branch.run, branch.path, branch.position), []).append(branch)
    for key, node in nodes.items():
        join = joins.get(key)
        if join is None:
            if node.done:
                yield Breach("I13", f"the node at {place_of(node)} was left, and no branch of it began", node.run)
            continue
        yield from _counted(node, join, branches.get(key, []))
        for branch in branches.get(key, []) if not node.open else ():
            yield from _after(node, branch, paths.get((branch.run, branch.branch), []))


def _counted(node: Hop, join: Join, branches: list[Branch]) -> Iterator[Breach]:
    where = f"the join at {place_of(node)}"
    ended = Counter(branch.ended for branch in branches)
    arrived, completed = len(branches) - ended[None], ended["completed"]
    if (join.written, join.arrived, join.completed) != (len(branches), arrived, completed):
        there = f"{len(branches)} branches, {arrived} have ended, {completed} completed"
        yield Breach("I13", f"{where} counts {join}; there are {there}", node.run)
    if node.done and (join.arrived != join.written or completed != join.total):
        yield Breach("I13", f"{where} fired, though of {join.total} branches {completed} have completed", node.run)
    if not node.open and join.arrived != join.written:
        yield Breach("I13", f"{where} was left with {join.written - join.arrived} branches on their way", node.run)


def _after(node: Hop, branch: Branch, hops: list[Hop]) -> Iterator[Breach]:
    """Find hops of a branch, up to where it ended, that were committed after its node was left."""
    late = [
        hop
        for hop in hops
        if hop.position <= branch.place and (hop.open or hop.completed_at > node.completed_at)  # type: ignore[operator]
    ]
    yield from (Breach("I13", f"{place_of(hop)} is later than the join at {place_of(node)}", node.run) for hop in late)


def signals_meet_one_wait(history: History) -> Iterator[Breach]:
    """I14: a signal that was taken is there once, and meets one wait, which saw what it carries; no wait ends alone."""
    met = Counter((one.run, one.path, one.position) for one in history.signals if one.position is not None)
    named = Counter((one.run, one.name) for one in history.signals)
    for (run, name), times in named.items():
        if times > 1:
            yield Breach("I14", f"the signal {name!r}, sent under one id, is there {times} times", run)
    for (run, path, position), times in met.items():
        if times > 1:
            yield Breach("I14", f"{times} signals met the wait at position {position} of {path!r}", run)
    for hop in history.hops:
        if hop.kind == "wait" and hop.done and not met[hop.key]:
            yield Breach("I14", f"the wait at {place_of(hop)} is over, and has met no signal", hop.run)
    yield from _seen(history)
    yield from _lost(history, named)


def _seen(history: History) -> Iterator[Breach]:
    rows, hops = history.rows(), {hop.key: hop for hop in history.hops}
    for one in history.signals:
        row, where = rows[one.run], (one.path or "", one.position or 0)
        if one.position is None:
            continue
        place = places_of(row.number, row.kind).get(where)
        if (one.run, *where) not in hops or place is None or place.signal != one.name:
            yield Breach("I14", f"the signal {one.name!r} met {where}, which does not wait for it", one.run)
            continue
        seen = history.variables.get((one.run, *where, one.name))
        if seen != payload_of(row.number, one.name) or seen != one.payload:
            yield Breach("I14", f"{where} saw {seen}; {one.name!r} carries {one.payload}", one.run)


def _lost(history: History, named: Counter[tuple[str, str]]) -> Iterator[Breach]:
    for row in history.runs:
        if row.number in history.signalled and row.parent is None and KINDS[row.kind].workflow == "wait":
            yield from (
                Breach("I14", f"the signal {name!r} is lost", row.run) for name in SIGNALS if not named[row.run, name]
            )


def children_start_and_end_once(history: History) -> Iterator[Breach]:
    """I14: a node has one child, and is left after that has ended, as it has ended; so is one that undoes it."""
    hops = {hop.key: hop for hop in history.hops}
    children = [row for row in history.runs if row.parent is not None]
    begun = Counter((row.parent, row.parent_path, row.parent_position) for row in children)
    for (run, path, position), times in begun.items():
        if times > 1:
            yield Breach("I14", f"the node at position {position} of {path!r} has begun {times} children", run)
    for hop in history.hops:
        if hop.kind == "workflow" and hop.direction == "execute" and hop.done and not begun[hop.key]:
            yield Breach("I14", f"the node at {place_of(hop)} is done, and has begun no child", hop.run)
    for row in children:
        node = hops.get((row.parent or "", row.parent_path or "", row.parent_position or 0))
        waits = hops.get((row.parent or "", row.parent_path or "", row.reports_to or 0))
        if node is None or waits is None:
            yield Breach("I14", f"it is a child of {row.parent}, which has no hop for it", row.run)
            continue
        yield from _end_of(row, node, waits)


def _end_of(row: RunRow, node: Hop, waits: Hop) -> Iterator[Breach]:
    early = not waits.open and (row.completed_at is None or row.completed_at > waits.completed_at)  # type: ignore[operator]
    cut_off = waits.status in {"cancelled", "failed"} and row.status == "terminated"
    if early and not cut_off:
        yield Breach("I14", f"the node at {place_of(waits)} was left before its child had ended", row.run)
    turned = waits.position != node.position
    if node.done and row.status not in ({"compensated"} if turned and not waits.open else {"completed", "compensated"}):
        yield Breach("I14", f"the node at {place_of(node)} is done, and its child is {row.status}", row.run)
