"""What a person may do to a run: wish it cancelled, end it, or send it on its way again."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from paigeant.errors import UnknownRun, WrongState
from paigeant.model.hops import WORKER_ALIVE, WorkerCard
from paigeant.model.runs import RESUMABLE, CancelRequest, RunStatus, StepStatus, WaitReason
from paigeant.stores.memory.rows import HopRow, Rows, RunRow


def find(rows: Rows, workflow_id: UUID) -> RunRow:
    """Return a run; raises UnknownRun."""
    run = rows.runs.get(workflow_id)
    if run is None:
        raise UnknownRun(f"no run has the id {workflow_id}")
    return run


def find_writable(rows: Rows, workflow_id: UUID) -> RunRow:
    """Return a run that is not over for good; raises UnknownRun and WrongState."""
    run = find(rows, workflow_id)
    if run.status.final and run.status not in RESUMABLE:
        raise WrongState(f"run {workflow_id} is {run.status}: nothing is written to it any more")
    return run


def request_cancel(rows: Rows, workflow_id: UUID, cancel_request: CancelRequest) -> RunStatus:
    """Note the wish, and make what nobody runs due."""
    run = find(rows, workflow_id)
    if not run.status.final:
        run.cancel = cancel_request
        now = rows.clock()
        for hop in _pending(rows, run):
            if hop.owner is None:
                hop.due_at = hop.hint_at = now
        rows.changes.note()
    return run.status


def terminate(rows: Rows, workflow_id: UUID) -> RunStatus:
    """End the run: no fence shown from now on is a good one."""
    run = find(rows, workflow_id)
    if not run.status.final:
        rows.move(run, RunStatus.TERMINATED)
        rows.changes.note()
    return run.status


def resume(rows: Rows, workflow_id: UUID, *, accept_contract: bool) -> RunStatus:
    """Make the step that failed, or that waits, due now, as if it had never been tried."""
    run = find(rows, workflow_id)
    if run.status not in RESUMABLE:
        raise WrongState(
            f"run {workflow_id} is {run.status}; only a failed, compensation_failed or waiting run is resumed"
        )
    now = rows.clock()
    for hop in _pending(rows, run) or _failed(rows, run):
        if hop.owner is None:
            hop.put_back(StepStatus.PENDING, now, now)
            hop.attempt, hop.interruptions, hop.reason, hop.completed_at = 0, 0, None, None
            hop.interface, hop.accepted = None, hop.accepted or accept_contract
            rows.add(hop)
    if run.status is RunStatus.FAILED:
        run.error = run.cancel = None  # on the way back the run keeps the reason for which it turned round
        run.deadline = run.deadline if run.deadline is not None and run.deadline > now else None
    rows.move(run, RunStatus.RUNNING)
    rows.changes.note()
    return run.status


def _pending(rows: Rows, run: RunRow) -> list[HopRow]:
    return [hop for hop in rows.hops[run.workflow_id].values() if hop.pending]


def _failed(rows: Rows, run: RunRow) -> list[HopRow]:
    """Return the hop that ended the run: the failed one with the highest position."""
    failed = [hop for hop in rows.hops[run.workflow_id].values() if hop.status is StepStatus.FAILED]
    return sorted(failed, key=lambda hop: hop.key.position)[-1:]


def living(rows: Rows) -> list[WorkerCard]:
    """Return the workers that have reported lately."""
    now = rows.clock()
    return [card for card, seen in rows.workers.values() if now - seen < WORKER_ALIVE]


def served(rows: Rows) -> set[str]:
    """Return the topics that living workers serve."""
    return {topic for card in living(rows) for topic in card.topics}


def hold_unserved(rows: Rows, after: timedelta) -> int:
    """Mark the runs that wait for a worker that is not there; returns how many were not marked before."""
    known, latest = served(rows), rows.clock() - after
    stranded = {
        run.workflow_id: run
        for run, hop in rows.pending()
        if hop.topic not in known and hop.is_due(latest) and run.status is not RunStatus.WAITING
    }
    for run in stranded.values():
        rows.move(run, RunStatus.WAITING, WaitReason.UNSERVED)
    if stranded:
        rows.changes.note()
    return len(stranded)
