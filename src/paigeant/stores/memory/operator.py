"""What a person may do to a run: request its cancellation, end it, or send it on its way again."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from paigeant.model.limits import WORKER_ALIVE
from paigeant.model.plan import WorkerCard
from paigeant.model.runs import CancelRequest, RunStatus, StepStatus, WaitReason
from paigeant.model.values.values import Value
from paigeant.protocol import leases, operate
from paigeant.protocol.variables import set_at
from paigeant.stores.memory.fan import joins
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
    """Note the request, and make what nobody runs due."""
    run, now = find(rows, workflow_id), rows.clock()
    requested = operate.request_cancel(run, cancel_request, now)
    if requested is not None:
        run.change(requested)
        joins.close_under(rows, run, "")
        rows.changes.note()
    return run.status


def terminate(rows: Rows, workflow_id: UUID) -> RunStatus:
    """End the run: no fence shown from now on is a good one."""
    run = find(rows, workflow_id)
    ended = operate.terminate(run, rows.clock())
    if ended is not None:
        rows.end(run, ended.status)
        rows.changes.note()
    return run.status


def resume(rows: Rows, workflow_id: UUID, how: operate.Restart) -> RunStatus:
    """Make the step that failed, or that waits, due now, as if it had never been tried."""
    run, now = find(rows, workflow_id), rows.clock()
    resumed, was = operate.resume(run, now), run.status
    for hop in operate.choose_resumed(rows.of_run(run)):
        hop.change(operate.restart(hop, now, how))
        rows.add(hop)
        if was.final:
            joins.reopen(rows, run, hop.key, how, stuck=was is RunStatus.COMPENSATION_FAILED)
    run.ended = None
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


def set_variable(rows: Rows, run: RunRow, name: str, value: Value) -> None:
    """Set a variable, as if the hop before the newest of the trunk had set it last, or over what the newest has set."""
    newest = max(key.position for key in rows.hops[run.workflow_id] if not key.path)
    run.set(("", set_at(newest, sets_it=name in run.variables.get(("", newest), ()))), {name: value})
    run.edited = True


def hold_unserved(rows: Rows, after: timedelta) -> int:
    """Mark the hops that wait for a worker that is not there; returns how many were not marked before."""
    known, latest = served(rows), rows.clock() - after
    stranded = [
        hop
        for hop in rows.twins.values()
        if hop.step not in known and leases.is_due(hop, latest) and hop.status is not StepStatus.WAITING
    ]
    for hop in stranded:
        hop.status, hop.reason = StepStatus.WAITING, WaitReason.UNSERVED
    if stranded:
        rows.changes.note()
    return len(stranded)
