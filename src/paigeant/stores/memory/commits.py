"""Runs begin, go on and end here: what is written, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import assert_never
from uuid import UUID

from paigeant.model.hops import Commit, CommitResult, Grant, RunStart, Started, Transition, Verdict
from paigeant.model.outcomes import Fault
from paigeant.model.runs import AttemptError, StepStatus
from paigeant.protocol import leases
from paigeant.protocol.starts import RunName, match_starts, names_of
from paigeant.protocol.states import KnownRun
from paigeant.stores.memory.hops import read_grant
from paigeant.stores.memory.rows import HopRow, Rows, RunRow


def start(rows: Rows, starts: Sequence[RunStart]) -> list[Started]:
    """Write runs with their first twins, all or none; a repeat gets the run that is there."""
    answers = match_starts(starts, _known(rows, starts))
    for one, answer in zip(starts, answers, strict=True):
        if answer.fresh:
            _write(rows, one)
    rows.changes.note()
    return answers


def _known(rows: Rows, starts: Sequence[RunStart]) -> dict[RunName, KnownRun]:
    """Return the runs that these dispatch keys and ids have already."""
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
        deadline=deadline,
        closes_at=deadline,
    )
    run.keep(one.blobs)
    rows.runs[run.workflow_id] = run
    rows.hops[run.workflow_id] = {}
    if one.dispatch_key is not None:
        rows.keys[one.workflow, one.dispatch_key] = run.workflow_id
    rows.add(HopRow.of(one.twin, now))


def commit(rows: Rows, one: Commit, lease: timedelta) -> CommitResult:
    """Write one hop whole, or say why nothing of it may be written."""
    key = one.held.key
    run, hop = rows.runs.get(key.workflow_id), rows.hop(key)
    if run is None or hop is None:
        return CommitResult(Verdict.FENCED)
    if hop.committed_by == one.execution:
        return CommitResult(Verdict.ALREADY, run.cancel_requested, _handed_over_before(rows, one))
    if run.status.final:
        return CommitResult(Verdict.CLOSED, run.cancel_requested)
    done = one.transition.status is StepStatus.COMPLETED and hop.deed in run.done
    if done or not leases.is_alive(hop, one.held.fence):
        return CommitResult(Verdict.FENCED, run.cancel_requested)
    _write_hop(rows, one, hop)
    _write_run(run, one)
    handed_over = _write_twin(rows, run, one, lease)
    rows.move(run, one.transition.run, one.transition.run_reason)
    rows.changes.note()
    return CommitResult(Verdict.OK, run.cancel_requested, handed_over)


def _handed_over_before(rows: Rows, one: Commit) -> Grant | None:
    """Return the grant whose answer was lost, if it is still as it was given."""
    if one.twin is None or not one.twin.handed_over:
        return None
    twin = rows.twins.get(one.twin.key)
    if twin is None or (twin.owner, twin.fence) != (one.owner, 1):
        return None
    return read_grant(rows, twin)


def _write_hop(rows: Rows, one: Commit, hop: HopRow) -> None:
    """Write what became of the hop: held for later, or behind."""
    made, now = one.transition, rows.clock()
    match made.status:
        case StepStatus.RETRYING | StepStatus.WAITING:
            hop.put_back(made.status, None if made.delay is None else now + timedelta(seconds=made.delay), now)
            hop.reason, hop.interface = made.reason, made.interface
            hop.interruptions = 0  # it has ended once, and nobody died of it
            hop.attempt -= made.status is StepStatus.WAITING
        case StepStatus.COMPLETED | StepStatus.SKIPPED | StepStatus.FAILED | StepStatus.CANCELLED:
            hop.output, hop.log = made.output, made.log
            hop.compensable, hop.before = made.compensable, made.before
            rows.leave(hop, made.status)
        case StepStatus.PENDING | StepStatus.RUNNING:
            raise ValueError(f"a commit cannot leave its hop {made.status}")
        case _:
            assert_never(made.status)
    hop.committed_by = one.execution
    hop.note(one.detail, now)
    if made.fault is not None:
        hop.errors.append(_error(made.fault, hop, rows))


def _error(fault: Fault, hop: HopRow, rows: Rows) -> AttemptError:
    return AttemptError(
        type=fault.type,
        message=fault.message,
        where=fault.where,
        line=fault.line,
        attempt=hop.attempt,
        at=rows.clock(),
    )


def _write_run(run: RunRow, one: Commit) -> None:
    """Write what the hop set: variables, values, and how the run ends if it does."""
    made: Transition = one.transition
    run.variables.update(made.variables)
    run.keep(one.blobs)
    if made.run_error is not None:
        run.error = made.run_error
    if made.run_output is not None:
        run.output = made.run_output


def _write_twin(rows: Rows, run: RunRow, one: Commit, lease: timedelta) -> Grant | None:
    """Write the next twin, due at once, or leased to the committer if it asked and nobody wishes the run cancelled."""
    if one.twin is None:
        return None
    twin = HopRow.of(one.twin, rows.clock())
    rows.add(twin)
    if not one.twin.handed_over or run.cancel_requested is not None:
        return None
    twin.change(leases.take(twin, one.owner, rows.clock(), lease))
    return read_grant(rows, twin)
