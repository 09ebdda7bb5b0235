"""Operations on a run in memory: cancel, terminate, resume, set variables; and workers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from paigeant.model.limits import WORKER_ALIVE
from paigeant.model.plan import WorkerCard
from paigeant.model.runs import CancelRequest, RunStatus, StepStatus, WaitReason
from paigeant.model.values.values import Value
from paigeant.protocol import leases, operate
from paigeant.protocol.tree import children as protocol
from paigeant.protocol.variables import set_at
from paigeant.stores.memory.fan import joins
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.runs import RunRow
from paigeant.stores.memory.tree import children


def find(rows: Rows, workflow_id: UUID) -> RunRow:
    """Return a run; raises UnknownRun."""
    run = rows.runs.get(workflow_id)
    if run is None:
        raise operate.unknown(workflow_id)
    return run


def find_writable(rows: Rows, workflow_id: UUID) -> RunRow:
    """Return a run that may still change; raises UnknownRun and WrongState."""
    run = find(rows, workflow_id)
    operate.require_writable(run)
    return run


def request_cancel(rows: Rows, workflow_id: UUID, cancel_request: CancelRequest) -> RunStatus:
    """Record the request, and make hops due that nobody runs."""
    run, now = find(rows, workflow_id), rows.clock()
    requested = operate.request_cancel(run, cancel_request, now)
    if requested is not None:
        run.change(requested)
        joins.close_under(rows, run, "")
        children.cancel_under(rows, run, "", cancel_request)
        rows.changes.note()
    return run.status


def terminate(rows: Rows, workflow_id: UUID) -> list[UUID]:
    """End the run, with its child runs, and return them: no present fence stays valid."""
    run = find(rows, workflow_id)
    ended = operate.terminate(run, rows.clock())
    if ended is None:
        return []
    all_ended = _terminate_tree(rows, run, ended.status)
    children.tell(rows, run)
    rows.changes.note()
    return all_ended


def _terminate_tree(rows: Rows, run: RunRow, status: RunStatus) -> list[UUID]:
    rows.end(run, status)
    within = [child for child in children.of_run(rows, run) if child.completed_at is None]
    return [run.workflow_id, *(each for child in within for each in _terminate_tree(rows, child, status))]


def resume(rows: Rows, workflow_id: UUID, how: operate.Restart) -> RunStatus:
    """Resume a run; an ended child run goes on only with its parent."""
    run = find(rows, workflow_id)
    protocol.require_own(run, run.status)
    return go_on(rows, run, how)


def go_on(rows: Rows, run: RunRow, how: operate.Restart) -> RunStatus:
    """Restart failed or waiting hops, due now as if never tried, also in child runs that the run waits for."""
    now = rows.clock()
    resumed, was = operate.resume(run, now), run.status
    chosen = operate.choose_resumed(rows.of_run(run))
    if not was.final:
        below = [child for child in children.of_run(rows, run) if child.completed_at is None]
        waiting = [child for child in below if child.status is RunStatus.WAITING]
        protocol.require_resumed(run, [*chosen, *waiting], [child.workflow_id for child in below])
        for child in waiting:
            go_on(rows, child, how)
    for hop in chosen:
        hop.change(operate.restart(hop, now, how))
        rows.add(hop)
        if was.final:
            joins.reopen(rows, run, hop.key, how, stuck=was is RunStatus.COMPENSATION_FAILED)
    run.ended = None
    run.change(resumed)
    rows.changes.note()
    return run.status


def report_worker(rows: Rows, card: WorkerCard, *, gone: bool) -> bool:
    """Record that a worker is alive, or gone; returns True if it was asked to drain."""
    draining = is_draining(rows, card.id)
    rows.workers.pop(card.id, None)
    if not gone:
        rows.workers[card.id] = (replace(card, draining=draining), rows.clock())
    return draining and not gone


def drain_worker(rows: Rows, worker: str) -> None:
    """Ask a worker to drain; raises UnknownWorker for one that is not alive."""
    if worker not in {card.id for card in living(rows)}:
        raise operate.unknown_worker(worker)
    card, seen = rows.workers[worker]
    rows.workers[worker] = (replace(card, draining=True), seen)
    rows.changes.note()


def is_draining(rows: Rows, worker: str) -> bool:
    """True if a worker was asked to drain."""
    return worker in rows.workers and rows.workers[worker][0].draining


def living(rows: Rows) -> list[WorkerCard]:
    """Return the workers that have reported recently."""
    now = rows.clock()
    return [card for card, seen in rows.workers.values() if now - seen < WORKER_ALIVE]


def served(rows: Rows) -> set[str]:
    """Return the topics that living workers serve."""
    return {topic for card in living(rows) for topic in card.served}


def set_variable(rows: Rows, run: RunRow, name: str, value: Value) -> None:
    """Set a variable as of the hop before the trunk's newest, or over the newest hop's own value."""
    newest = max(key.position for key in rows.hops[run.workflow_id] if not key.path)
    run.set(("", set_at(newest, sets_it=name in run.variables.get(("", newest), ()))), {name: value})
    run.edited = True


def hold_unserved(rows: Rows, after: timedelta) -> int:
    """Mark hops that wait for a missing worker; returns the number of newly marked ones."""
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
