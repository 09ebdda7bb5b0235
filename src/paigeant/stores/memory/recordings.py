"""What steps record while they run: checkpoints, and the ledger."""

from __future__ import annotations

from uuid import UUID

from paigeant.aio.changes import News
from paigeant.model.hops import LeaseToken
from paigeant.model.runs import Direction
from paigeant.model.stored.checkpoints import Checkpoint, LedgerEntry, Recorded, Recording
from paigeant.protocol import leases
from paigeant.stores.memory.rows import Rows


def record(rows: Rows, held: LeaseToken, recording: Recording) -> Recorded:
    """Record a checkpoint, a charge, a variable, or several, if the lease is alive."""
    hop = rows.hop(held.key)
    if hop is None or not leases.is_alive(hop, held.fence):
        return Recorded(alive=False)
    run = rows.runs[held.key.workflow_id]
    if recording.charge is not None:
        entry = LedgerEntry(recording.charge, hop.step_id, hop.direction, rows.clock())
        run.ledger.setdefault(recording.charge.key, entry)
    rows.changes.note(News.CHANGE)
    if recording.blob is not None:
        run.keep((recording.blob,))
    if recording.variable is not None:
        run.set((hop.path, hop.position), dict([recording.variable]))
    if recording.checkpoint is None:
        return Recorded(alive=True)
    of_step = run.checkpoints.setdefault((hop.step_id, hop.direction), {})
    return Recorded(alive=True, checkpoint=of_step.setdefault(recording.checkpoint.key, recording.checkpoint))


def load_checkpoints(rows: Rows, workflow_id: UUID, step_id: UUID, direction: Direction) -> dict[str, Checkpoint]:
    """Return all checkpoints of a step in this direction."""
    run = rows.runs.get(workflow_id)
    return {} if run is None else dict(run.checkpoints.get((step_id, direction), {}))


def read_ledger(rows: Rows, workflow_id: UUID) -> list[LedgerEntry]:
    """Return what a run's steps were charged."""
    run = rows.runs.get(workflow_id)
    return [] if run is None else list(run.ledger.values())
