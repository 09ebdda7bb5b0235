"""What must be true of a run that is a tree, and of the runs within it: each path is judged by itself, joins by all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from paigeant import ForEach, Parallel, Step, SubWorkflow, Wait
from paigeant.model.entries.entry import Entry
from paigeant.model.entries.fan import OnFault
from paigeant.model.fan.joins import BranchEnd
from paigeant.model.message import HopKey
from paigeant.model.runs import Direction, RunStatus, StepStatus
from paigeant.model.values.values import Inline
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow
from paigeant.stores.memory.tables.joins import BranchRow, JoinRow
from paigeant.stores.memory.tables.runs import RunRow
from tests.simulation.acting import mix
from tests.simulation.trees.drawing import SIGNAL

DONE = StepStatus.COMPLETED
Value = Any
NOTHING: Final = object()
"""What there is before any step has come to something."""


def judge_tree(rows: Rows, run: RunRow, entries: Sequence[Entry], *, resumed: bool) -> list[str]:
    """Return what is wrong with a run of these entries, and with its children."""
    tree = Tree(rows, run, resumed=resumed)
    result = tree.along(entries, "")
    problems = [*tree.found, *_unplanned(tree), *_order(tree), *_way_back(tree), *_joins(tree), *_signals(tree)]
    if run.status is RunStatus.COMPLETED and result is not None and _value(run.output) != result[0]:
        problems.append(f"the output is {run.output}, not {result[0]}")
    if run.status is RunStatus.COMPLETED and result is None:
        problems.append("completed before its end")
    return [f"{run.workflow_id.hex[-4:]} {problem}" for problem in problems] + tree.of_children


def _value(kept: Any) -> Value:
    return kept.value if isinstance(kept, Inline) else None


class Tree:
    """A run as it lies in the store, walked along its plan. A result is a tuple of one, None before a path's end."""

    def __init__(self, rows: Rows, run: RunRow, *, resumed: bool) -> None:
        self.rows, self.run, self.resumed = rows, run, resumed
        self.hops = {(key.path, key.position): hop for key, hop in rows.hops[run.workflow_id].items()}
        self.seen: set[tuple[str, int]] = set()
        self.waits: dict[tuple[str, int], str] = {}
        self.lost: set[str] = set()
        """The paths of branches that their node went on without: they failed, or were not needed."""
        self.found: list[str] = []
        self.of_children: list[str] = []

    def paths(self) -> dict[str, list[HopRow]]:
        found: dict[str, list[HopRow]] = {}
        for (path, _), hop in sorted(self.hops.items()):
            found.setdefault(path, []).append(hop)
        return found

    def along(self, entries: Sequence[Entry], path: str, previous: Value = NOTHING) -> tuple[Value] | None:
        """Walk along a path; returns what it came to, if it came to its end: null if all before it only waited."""
        for position, entry in enumerate(entries, 1):
            hop = self.hops.get((path, position))
            if hop is None or hop.direction is not Direction.EXECUTE:
                return None
            self.seen.add((path, position))
            what = entry.activity if isinstance(entry, Step) else entry.kind
            if what != (hop.kind or hop.step):
                self.found.append(f"{what} was to be at {path} {position}, where {hop.kind or hop.step} is")
            came_to = self._through(entry, hop, previous)
            if hop.status is not DONE:
                return None
            if came_to is None:
                self.found.append(f"{what} at {path} {position} is done, and not all that it holds")
                return None
            [previous] = came_to
        return (None if previous is NOTHING else previous,)

    def _through(self, entry: Entry, hop: HopRow, previous: Value) -> tuple[Value] | None:
        value = _value(self.run.input) if previous is NOTHING else previous
        below = f"{hop.key.path}/{hop.key.position}." if hop.key.path else f"{hop.key.position}."
        match entry:
            case Step():
                made = mix(entry.activity, value) if hop.status is DONE else None
                if hop.status is DONE and _value(hop.output) != made:
                    self.found.append(f"{entry.activity} at {hop.key[1:]} came to {hop.output}, not to {made}")
                return (made,)
            case ForEach():
                items = _value(self.run.input)["items"] if isinstance(_value(self.run.input), dict) else []
                ended = [self.along(entry.entries, f"{below}{n}", item) for n, item in enumerate(items)]
                made = self._counted(hop, ended)
                return None if made is None else ([made.get(n) for n in range(len(ended))],)
            case Parallel():
                ended = [self.along(branch.entries, f"{below}{n}", previous) for n, branch in enumerate(entry.branches)]
                made = self._counted(hop, ended)
                return None if made is None else ({entry.branches[n].name: made[n] for n in made},)
            case SubWorkflow():
                return self._child(entry, hop, value)
            case Wait():
                self.waits[hop.key.path, hop.key.position] = entry.signal
                return (previous,)
            case _:
                return (previous,)

    def _counted(self, node: HopRow, ended: Sequence[tuple[Value] | None]) -> dict[int, Value] | None:
        """Return what the branches came to that count, by number, None if the node was left too early."""
        if node.status is not DONE:
            return {}
        join = self._of_source(node).joins.get(self._key_in_source(node))
        if join is None:
            return None if ended else {}
        start = join.state.start
        counts = {
            number
            for number, branch in join.branches.items()
            if branch.end is BranchEnd.COMPLETED and branch.rank < start.needed
        }
        for number, branch in join.branches.items():
            if number not in counts:
                self.lost.add(branch.path)
        failed = sum(branch.end is BranchEnd.FAILED for branch in join.branches.values())
        wanted = start.needed - (failed if start.on_fault is OnFault.SKIP else 0)
        if len(counts) != wanted or any(ended[number] is None for number in counts):
            return None
        return {number: each[0] for number in sorted(counts) if (each := ended[number]) is not None}

    def _inherits(self, hop: HopRow) -> bool:
        """Tell whether a fork has this of its source."""
        trunk = int(hop.key.path.partition(".")[0]) if hop.key.path else hop.key.position
        return trunk < (self.run.forked_at or 0)

    def _of_source(self, hop: HopRow) -> RunRow:
        """Return the run in which the joins of this node were counted."""
        return self.rows.runs[self._key_in_source(hop).workflow_id]

    def _key_in_source(self, hop: HopRow) -> HopKey:
        origin = self.run.forked_from if self._inherits(hop) else None
        return hop.key if origin is None else hop.key._replace(workflow_id=origin)

    def _child(self, entry: SubWorkflow, hop: HopRow, value: Value) -> tuple[Value] | None:
        if self._inherits(hop):
            kept = self.run.variables.get((hop.key.path, hop.key.position), {}).get(entry.output_name)
            return None if kept is None else (_value(kept),)
        children = [run for run in self.rows.runs.values() if run.parent == hop.key]
        if len(children) > 1 and not self.resumed:
            self.found.append(f"{len(children)} children have begun at {hop.key[1:]}")
        if not children:
            return None
        child = max(children, key=lambda run: run.workflow_id)
        self.of_children += judge_tree(self.rows, child, entry.plan or (), resumed=self.resumed)
        self.found += _childs_end(self, child, hop)
        if _value(child.input) != value:
            self.found.append(f"the child at {hop.key[1:]} was given {_value(child.input)}, not {value}")
        return (_value(child.output),) if child.output is not None else None


def _childs_end(tree: Tree, child: RunRow, node: HopRow) -> Iterator[str]:
    """A child has ended before the hop that waits for it is left; all of it, if the run is terminated."""
    waits = tree.hops.get((node.key.path, child.reports_to or 0))
    if tree.run.status.final and not child.status.final:
        yield f"it is {tree.run.status}, and its child is {child.status}"
    cut_off = child.status is RunStatus.TERMINATED or tree.run.status is RunStatus.TERMINATED
    left = None if waits is None or cut_off else waits.completed_at
    if left is not None and (child.completed_at is None or child.completed_at > left):
        yield f"the hop that waits for a child at {node.key[1:]} was left before that had ended"


def _unplanned(tree: Tree) -> Iterator[str]:
    for place, hop in tree.hops.items():
        if hop.direction is Direction.EXECUTE and place not in tree.seen:
            yield f"{hop.kind or hop.step} at {place} stands in no plan"


def _order(tree: Tree) -> Iterator[str]:
    """In each path positions have no gap, and what comes after ended after."""
    for path, hops in tree.paths().items():
        if [hop.key.position for hop in hops] != [*range(1, len(hops) + 1)]:
            yield f"positions {[hop.key.position for hop in hops]} in {path!r}"
        ends = [hop.completed_at for hop in hops if hop.completed_at is not None]
        if any(one > other for one, other in pairwise(ends)):
            yield f"a later hop ended earlier in {path!r}"


def _way_back(tree: Tree) -> Iterator[str]:
    """In each path what was done and can be undone is undone in reverse: all of it, or up to what failed.

    A branch that its node went on without is undone wholly, whatever becomes of the run, and no other of one that
    completed.
    """
    for path, hops in tree.paths().items():
        back = [hop.undoes for hop in hops if hop.direction is Direction.COMPENSATE]
        can = [
            hop.key
            for hop in reversed(hops)
            if hop.direction is Direction.EXECUTE and hop.compensable and (hop.status is DONE or hop.kind)
        ]
        lost = any(path == each or path.startswith(f"{each}/") for each in tree.lost)
        if back != can[: len(back)] or ((lost or tree.run.status is RunStatus.COMPENSATED) and back != can):
            yield f"undid {back} of {can} in {path!r}"
        if tree.run.status is RunStatus.COMPLETED and back and not lost:
            yield f"completed, and undid {back} in {path!r}"


def _joins(tree: Tree) -> Iterator[str]:
    """A node with branches is left when all that began have ended, each counted once; nothing of them comes later."""
    if tree.run.status is RunStatus.TERMINATED:
        return
    for key, join in tree.run.joins.items():
        node, state = tree.hops[key.path, key.position], join.state
        if state.reopened and tree.run.status.final:
            continue  # its branch was to be tried again, and was dropped with all within it
        ended = [branch for branch in join.branches.values() if branch.end is not None]
        if (state.written, state.arrived) != (len(join.branches), len(ended)):
            yield f"the join at {key[1:]} counts {state}; {len(ended)} of {len(join.branches)} have ended"
        if node.completed_at is not None:
            yield from _left(tree, node, join, ended)


def _left(tree: Tree, node: HopRow, join: JoinRow, ended: Sequence[BranchRow]) -> Iterator[str]:
    if len(ended) < len(join.branches):
        yield f"{node.key[1:]} was left with {len(join.branches) - len(ended)} branches on their way"
    for branch in ended:
        ends = [
            hop.completed_at
            for (path, place), hop in tree.hops.items()
            if path == branch.path and place <= branch.position
        ]
        if any(end is None or node.completed_at is None or end > node.completed_at for end in ends):
            yield f"branch {branch.path} is later than its node at {node.key[1:]}"


def _signals(tree: Tree) -> Iterator[str]:
    """What was taken met one wait, which saw it, or is kept."""
    run = tree.run
    met = [signal for signal in run.signals.values() if signal.position is not None]
    if len({(signal.path, signal.position) for signal in met}) < len(met):
        yield f"two signals met one wait: {met}"
    for signal in met:
        place = (signal.path or "", signal.position or 0)
        if tree.waits.get(place) != SIGNAL:
            yield f"signal {signal.payload} met {place}, which never waits"
        elif run.variables.get(place, {}).get(SIGNAL) != signal.payload:
            yield f"{place} saw {run.variables.get(place)}, not {signal.payload}"
