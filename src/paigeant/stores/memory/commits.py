"""Begin, commit and end of runs in memory: writes and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from paigeant.model.hold import Child
from paigeant.model.hops import (
    Commit,
    CommitResult,
    Grant,
    LeaseToken,
    RunStart,
    Sealed,
    Started,
    TurnedChild,
    Twin,
    Verdict,
)
from paigeant.model.message import HopKey
from paigeant.model.runs import CancelRequest, Direction, StepStatus
from paigeant.model.stored.forks import INHERITED, Fork, Named
from paigeant.model.transition import Held, Left
from paigeant.model.tree.changes import ChildRetried
from paigeant.model.values.values import Value
from paigeant.protocol import holds, leases, verdict
from paigeant.protocol.fan.joins import cancel_on, closes_on, forget_closing
from paigeant.protocol.operate import Restart
from paigeant.protocol.starts import RunName, is_same, match_starts, names_of
from paigeant.protocol.states import KnownRun
from paigeant.protocol.tree.children import closes_node, may_begin
from paigeant.stores.memory.access.grants import hasten_granted
from paigeant.stores.memory.calls.approvals import ask
from paigeant.stores.memory.calls.checkpoints import inherit_checkpoints
from paigeant.stores.memory.calls.histories import keep_history
from paigeant.stores.memory.custody import keep_record
from paigeant.stores.memory.fan import joins
from paigeant.stores.memory.hops import grant, read_grant
from paigeant.stores.memory.operator import find, go_on
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.signals import meet_kept
from paigeant.stores.memory.tables.hops import HopRow
from paigeant.stores.memory.tables.runs import RunRow
from paigeant.stores.memory.tree import children


def start(rows: Rows, starts: Sequence[RunStart]) -> list[Started]:
    """Write runs with their first twins, all or none; a repeat returns the existing run."""
    answers = match_starts(starts, _known(rows, starts))
    for one, answer in zip(starts, answers, strict=True):
        if answer.fresh:
            _write(rows, one)
    rows.changes.note()
    return [
        answer._replace(handed_over=_given(rows, one.twin.key, one.taker.owner))
        if one.taker is not None and is_same(one, answer)
        else answer
        for one, answer in zip(starts, answers, strict=True)
    ]


def _known(rows: Rows, starts: Sequence[RunStart]) -> dict[RunName, KnownRun]:
    """Return the existing runs with these dispatch keys and ids."""
    names = {name for one in starts for name in names_of(one)}
    ids = {name: name if isinstance(name, UUID) else rows.keys.get(name) for name in names}
    return {name: rows.runs[found] for name, found in ids.items() if found is not None and found in rows.runs}


def _write(rows: Rows, one: RunStart) -> None:
    now = rows.clock()
    deadline = None if one.deadline is None else now + timedelta(seconds=one.deadline)
    run = RunRow(
        one.workflow_id,
        one.workflow,
        one.trace_id,
        one.input,
        one.input_sha256,
        now,
        rows.next_number(),
        dispatch_key=one.dispatch_key,
        tenant=one.tenant,
        correlation_id=one.correlation_id,
        deadline=deadline,
        closes_at=deadline,
    )
    run.keep(one.blobs)
    run.grant = None if one.grant is None else (one.grant, now)
    rows.keep_plans(run, () if one.plan is None else (one.plan,))
    rows.runs[run.workflow_id] = run
    rows.hops[run.workflow_id] = {}
    if one.dispatch_key is not None:
        rows.keys[one.workflow, one.dispatch_key] = run.workflow_id
    keep_record(run, LeaseToken(one.twin.key._replace(path="", position=0), 0), one.record, now)
    rows.note_passed(one.twin.key, one.passed)
    hop = HopRow.of(one.twin, now)
    rows.add(hop)
    if one.taker is not None:
        grant(rows, hop, *one.taker, now)


def fork(rows: Rows, one: Fork) -> None:
    """Write a run that inherits another run's history before a place; raises UnknownRun."""
    source = find(rows, one.source)
    _write(rows, one.start)
    run = rows.runs[one.start.workflow_id]
    run.forked_from, run.forked_at = one.source, one.before
    run.values = {**source.values, **run.values}
    run.plans |= source.plans
    back = {(hop.path, hop.position) for hop in rows.of_run(source) if hop.direction is Direction.COMPENSATE}
    for hop in rows.of_run(source):
        place = hop.path, hop.position
        if one.inherits(*place) and place not in back and hop.completed_at is not None:
            _inherit(rows, run, hop, None if hop.path else one.outputs.get(hop.position))
    run.histories = {place: each for place, each in source.histories.items() if one.inherits(*place)}
    for (path, position), variables in source.variables.items():
        if one.inherits(path, position) and (path, position) not in back:
            replaced = {name: one.variables.get(Named(position, name), value) for name, value in variables.items()}
            run.set((path, position), variables if path else replaced)
    keep_record(run, LeaseToken(HopKey(run.workflow_id, "", 0), INHERITED), one.record, rows.clock())
    if one.keeps:
        inherit_checkpoints(rows, one)
    rows.changes.note()


def _inherit(rows: Rows, run: RunRow, hop: HopRow, output: Value | None) -> None:
    """Write an inherited hop, perhaps with another output."""
    key = hop.key._replace(workflow_id=run.workflow_id)
    made = replace(hop, key=key, output=hop.output if output is None else output)
    made.change(holds.inherit())
    rows.hops[run.workflow_id][key] = made
    if made.status is StepStatus.COMPLETED:
        run.done.add(made.deed)


def commit(rows: Rows, one: Commit, lease: timedelta) -> CommitResult:
    """Write one hop completely, or return why nothing of it may be written."""
    key = one.held.key
    run, hop = rows.runs.get(key.workflow_id), rows.hop(key)
    completes = one.transition.hop.status is StepStatus.COMPLETED
    done = run is not None and hop is not None and hop.deed in run.done
    said = verdict.judge(run, hop, one.held.fence, one.execution, completes=completes, done=done)
    if run is None or hop is None or said is not Verdict.OK:
        given = _handed_over_before(rows, one) if said is Verdict.ALREADY else None
        return CommitResult(said, run and cancel_on(run, key.path), given)
    _write_hop(rows, one, hop)
    rows.note_passed(key, one.transition.passed)
    _write_run(run, one, rows.clock())
    if one.transition.joined:
        run.closing = forget_closing(run.closing, key)
    rows.keep_plans(run, one.plans)
    twins = joins.take_twins(run, one)
    for twin in twins:
        keep_record(run, LeaseToken(*holds.place_of_branch(twin)), twin.record, rows.clock())
    handed_over = _write_twins(rows, run, one, twins, lease)
    closing = run.closing
    freed = joins.count(rows, run, one, len(twins))
    for prefix in set(run.closing or ()) - set(closing or ()):
        freed += children.cancel_under(rows, run, prefix, CancelRequest.BRANCH)
    if one.transition.end is not None:
        rows.end(run, one.transition.end.status)
        run.undo = one.transition.end.undo or ()
        freed += children.tell(rows, run)
    freed += _change_child(rows, run, one, hop)
    rows.changes.note()
    return CommitResult(Verdict.OK, cancel_on(run, key.path), handed_over, tuple(freed))


def _change_child(rows: Rows, run: RunRow, one: Commit, hop: HopRow) -> list[Sealed]:
    """Write a node's change of its child run; return the messages of hops that it made due."""
    match one.child:
        case RunStart() as begun:
            if not may_begin(run, hop.path):
                return []
            _write(rows, begun)
            children.adopt(rows.runs[begun.workflow_id], run, begun)
            return [begun.twin.sealed]
        case TurnedChild() as turned:
            children.turn(rows, hop.key, turned)
            return [turned.twin.sealed]
        case ChildRetried(workflow_id):
            child = rows.runs[workflow_id]
            child.reports_to = hop.position
            go_on(rows, child, Restart())
            return []
        case None:
            waits = isinstance(one.transition.hop, Held) and isinstance(one.transition.hop.hold, Child)
            return children.wait_on(rows, hop) if waits else []


def _handed_over_before(rows: Rows, one: Commit) -> Grant | None:
    """Return the grant whose answer was lost, if the hop is unchanged."""
    return None if one.wanted is None else _given(rows, one.wanted.key, one.owner)


def _given(rows: Rows, key: HopKey, owner: str) -> Grant | None:
    """Return the lease of a twin that was written leased to this owner, if it is unchanged."""
    twin = rows.twins.get(key)
    if twin is None or not verdict.is_as_given(twin, owner):
        return None
    return replace(read_grant(rows, twin), recorded=None)


def _write_hop(rows: Rows, one: Commit, hop: HopRow) -> None:
    """Write the change of the hop: held, or done."""
    now = rows.clock()
    match one.transition.hop:
        case Held() as held:
            run = rows.runs[hop.workflow_id]
            hop.change(holds.hold(hop, held, one, now, closes=closes_node(run, one, hop.direction)))
            meet_kept(rows, run, hop)
            ask(rows, hop, one.transition.writes.asks)
            if one.granted is not None:
                hasten_granted(rows, one.granted, hop)
        case Left() as left:
            rows.leave(hop, holds.leave(hop, left, one, now))
    hop.note(one.detail, now)


def _write_run(run: RunRow, one: Commit, now: datetime) -> None:
    """Write the variables and values of the hop, and the run's error or output if there is one."""
    _, path, position = one.held.key
    made = one.transition
    run.set((path, position), dict(made.writes.variables))
    run.keep(one.blobs)
    keep_record(run, one.held, one.record, now)
    keep_history(run, one.held.key, one.history, now)
    if made.writes.error is not None:
        run.error = made.writes.error
    if made.end is not None and made.end.output is not None:
        run.output = made.end.output


def _write_twins(rows: Rows, run: RunRow, one: Commit, twins: Sequence[Twin], lease: timedelta) -> Grant | None:
    """Write the next twins; the requested one is leased, unless it is to end."""
    for twin in twins:
        hop = HopRow.of(twin, rows.clock(), closes=closes_on(run, twin.key.path, twin.direction))
        rows.add(hop)
        meet_kept(rows, run, hop)
    if one.wanted is None or not verdict.may_hand_over(run, one.wanted.key.path):
        return None
    wanted = rows.twins[one.wanted.key]
    wanted.change(leases.take(wanted, one.owner, rows.clock(), lease))
    return read_grant(rows, wanted)
