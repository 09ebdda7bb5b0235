"""Joins in memory: changes by commits, and of the hops of their branches."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from paigeant.model.fan.joins import BranchEnd, Closing, EndedBranch, JoinState, branch_at, parent_of, under
from paigeant.model.hold import WaitState
from paigeant.model.hops import Commit, Sealed, Twin
from paigeant.model.message import HopKey
from paigeant.model.values.values import Value
from paigeant.protocol import operate
from paigeant.protocol.fan import joins, reopening
from paigeant.protocol.variables import outputs, seen
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow
from paigeant.stores.memory.tables.joins import BranchRow, JoinRow
from paigeant.stores.memory.tables.runs import RunRow


def take_twins(run: RunRow, one: Commit) -> tuple[Twin, ...]:
    """Return the twins of a commit that are to be written, and record the branches that begin.

    A closing join takes no more of them: new branches are to end.
    """
    fan_out, node = one.transition.fan_out, one.held.key
    if fan_out is None:
        return one.twins
    if fan_out.start is not None:
        ends = not fan_out.start.back and joins.cancel_on(run, node.path) is not None
        run.joins[node] = JoinRow(JoinState(fan_out.start, closing=Closing.ENDED if ends else None))
    if not fan_out.again and not joins.accepts(run.joins[node].state):
        return ()
    for twin in one.twins:
        if twin.branch is not None:
            number = twin.branch.number
            run.joins[node].branches[number] = BranchRow(number, twin.key.path, twin.key.position)
    return one.twins


def count(rows: Rows, run: RunRow, one: Commit, written: int) -> list[Sealed]:
    """Count the written branches of a commit, or the branch that ends with it; return the messages of due hops."""
    made, (workflow_id, path, position) = one.transition, one.held.key
    if made.fan_out is not None:
        join = run.joins[one.held.key].state
        return _write(rows, run, one.held.key, joins.fan_out(join, made.fan_out, written))
    if made.arrival is None:
        return []
    arrival = made.arrival
    node = HopKey(workflow_id, parent_of(path), arrival.branch.node)
    row = run.joins[node]
    branch = row.branches[arrival.branch.number]
    branch.position, branch.end, branch.rank = position, arrival.end, row.state.completed
    branch.output = arrival.output if row.state.start.collect else None
    branch.undo, branch.error = arrival.undo, arrival.error
    return _write(rows, run, node, joins.arrive(row.state, arrival))


def _write(rows: Rows, run: RunRow, node: HopKey, change: joins.JoinChange) -> list[Sealed]:
    row, now = run.joins[node], rows.clock()
    row.state = change.join
    freed: list[HopRow] = []
    for hop in _begun(rows, node, row, change):
        hop.change(joins.free(None, now))
        freed.append(hop)
    for number in change.closed:
        row.branches[number].end = BranchEnd.CANCELLED
    closed = [rows.twins[row.branches[number].last(node)] for number in change.closed]
    for hop in (*closed, *(_reopened(rows, node, row, change) if change.dropped else ())):
        rows.abandon(hop, joins.never(hop, now))
    hop = rows.hop(node)
    if change.due and hop is not None and joins.may_free(hop):
        hop.change(joins.free(hop.wait, now))
        freed.append(hop)
    sealed = [hop.sealed for hop in freed]
    if change.closes:
        prefix = under(node.path, node.position)
        run.closing = (*(run.closing or ()), prefix)
        sealed += close_under(rows, run, prefix)
    return sealed


def _begun(rows: Rows, node: HopKey, row: JoinRow, change: joins.JoinChange) -> list[HopRow]:
    """Return the hops with which branches begin, or go on, by this change."""
    resumed = _reopened(rows, node, row, change)[: change.resumed] if change.resumed else []
    return [*resumed, *(rows.twins[row.branches[number].last(node)] for number in change.released)]


def _reopened(rows: Rows, node: HopKey, row: JoinRow, change: joins.JoinChange) -> list[HopRow]:
    """Return the held hops of reopened branches, by number."""
    begin = (change.released or change.closed or range(change.join.released, 0)).start
    before = (branch for number, branch in sorted(row.branches.items()) if number < begin)
    hops = (rows.twins.get(branch.last(node)) for branch in before)
    return [hop for hop in hops if hop is not None and hop.wait == WaitState.WINDOW]


def close_under(rows: Rows, run: RunRow, prefix: str) -> list[Sealed]:
    """End all branches whose paths have this prefix; return the messages of due hops."""
    now, sealed = rows.clock(), list[Sealed]()
    for node, row in list(run.joins.items()):
        hop = rows.hop(node)
        if node.path.startswith(prefix) and hop is not None and hop.completed_at is None:
            sealed += _write(rows, run, node, joins.close(row.state)._replace(closes=False))
    for hop in list(run.twins.values()):
        if hop.path.startswith(prefix) and operate.may_end_early(hop):
            hop.change(operate.end_early(now))
            sealed.append(hop.sealed)
    return sealed


def reopen(rows: Rows, run: RunRow, node: HopKey, how: operate.Restart, *, stuck: bool) -> None:
    """Reopen branches of a failed node with the hops at which they ended, and those of nested nodes."""
    row, now = run.joins.get(node), rows.clock()
    if row is None:
        return
    change = reopening.reopen(row.state, stuck=stuck)
    row.state = change.join
    for branch in row.branches.values():
        hop = rows.hop(branch.last(node)) if branch.end in change.ends else None
        if hop is None:
            continue
        branch.end, branch.output, branch.undo, branch.error = BranchEnd.CANCELLED, None, (), None
        hop.change(reopening.hold_again(hop, now, how) if change.held else operate.restart(hop, now, how))
        rows.add(hop)
        reopen(rows, run, hop.key, how, stuck=stuck)


def load_join(rows: Rows, node: HopKey) -> JoinState | None:
    """Return the state of a join."""
    run = rows.runs.get(node.workflow_id)
    row = None if run is None else run.joins.get(node)
    return None if row is None else row.state


def load_branches(rows: Rows, node: HopKey, *, after: int = -1) -> list[EndedBranch]:
    """Return ended branches of a node with a higher number, by number."""
    return [
        EndedBranch(one.number, one.path, one.position, one.end, one.rank, one.output, one.undo, one.error)
        for one in _branches(rows, node)
        if one.end is not None and one.number > after
    ]


def load_undoable(rows: Rows, node: HopKey, back: HopKey) -> list[EndedBranch]:
    """Return compensable branches of a node, by number, after those that the compensating node has begun."""
    begun = _branches(rows, back)
    ended = load_branches(rows, node, after=branch_at(begun[-1].path).number if begun else -1)
    return [one for one in ended if one.end is BranchEnd.COMPLETED and one.undo]


def _branches(rows: Rows, node: HopKey) -> list[BranchRow]:
    run = rows.runs.get(node.workflow_id)
    row = None if run is None else run.joins.get(node)
    return [] if row is None else sorted(row.branches.values(), key=lambda one: one.number)


def load_branch_variables(rows: Rows, run_id: UUID, paths: Collection[str]) -> Mapping[str, Mapping[str, Value]]:
    """Return the newest variables that were set on each of these paths."""
    run = rows.runs.get(run_id)
    if run is None:
        return {}
    hops = rows.hops[run_id].values()
    written = [one for one in (*outputs(hops), *run.stated()) if one.path in paths]
    return {path: seen([one for one in written if one.path == path], path) for path in paths}
