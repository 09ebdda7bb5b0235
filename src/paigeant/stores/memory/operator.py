"""What a person may do to a run: wish it cancelled, end it, or send it on its way again."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from paigeant.model.hops import WORKER_ALIVE, WorkerCard
from paigeant.model.runs import CancelRequest, RunStatus, WaitReason
from paigeant.protocol import leases, operate
from paigeant.stores.memory.rows import Rows, RunRow


def find(rows: Rows, workflow_id: UUID) -> RunRow:
    """Return a run; raises UnknownRun."""
    run = rows.runs.get(workflow_id)
    if run is None:
        raise operate.unknown(workflow_id)
    return run


def find_writable(rows: Rows, workflow_id: UUID) -> RunRow:
    """Return a run that is not over for good; raises UnknownRun and WrongState."""
    run = find(rows, workflow_id)
    operate.require_writable(run)
    return run


def request_cancel(rows: Rows, workflow_id: UUID, cancel_request: CancelRequest) -> RunStatus:
    """Note the wish, and make what nobody runs due."""
    run, now = find(rows, workflow_id), rows.clock()
    wished = operate.request_cancel(run, cancel_request, now)
    if wished is not None:
        run.change(wished)
        for hop in rows.of_run(run):
            if operate.may_hurry(hop):
                hop.change(operate.hurry(now))
        rows.changes.note()
    return run.status


def terminate(rows: Rows, workflow_id: UUID) -> RunStatus:
    """End the run: no fence shown from now on is a good one."""
    run = find(rows, workflow_id)
    ended = operate.terminate(run, rows.clock())
    if ended is not None:
        run.change(ended)
        rows.abandon(run)
        rows.changes.note()
    return run.status


def resume(rows: Rows, workflow_id: UUID, *, accept_contract: bool) -> RunStatus:
    """Make the step that failed, or that waits, due now, as if it had never been tried."""
    run, now = find(rows, workflow_id), rows.clock()
    resumed = operate.resume(run, now)
    for hop in operate.choose_resumed(rows.of_run(run)):
        hop.change(operate.restart(hop, now, accept_contract=accept_contract))
        rows.add(hop)
    run.change(resumed)
    rows.changes.note()
    return run.status


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
        if hop.topic not in known and leases.is_due(hop, latest) and run.status is not RunStatus.WAITING
    }
    for run in stranded.values():
        run.status, run.reason = RunStatus.WAITING, WaitReason.UNSERVED
    if stranded:
        rows.changes.note()
    return len(stranded)
