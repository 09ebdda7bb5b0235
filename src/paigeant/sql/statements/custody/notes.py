"""Recorded calls, charges and histories of steps as stored, with their digests and signatures."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select

from paigeant.model.calls.histories import digest_of_history
from paigeant.model.custody.notes import Note, NoteKind, StoredNote
from paigeant.sql.execution.keys import unindexed
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.calls import checkpoints, histories, ledger
from paigeant.sql.schema.tables import workflow_runs
from paigeant.sql.statements.custody.recorded import charge_of, checkpoint_of

_RUN: Final = bindparam("workflow_id", type_=Uuid())
_STEP: Final = bindparam("step_id", type_=Uuid())
_CALLS: Final = (
    select(checkpoints)
    .join(workflow_runs, workflow_runs.c.workflow_id == checkpoints.c.workflow_id)
    .where(checkpoints.c.workflow_id == _RUN, unindexed(workflow_runs.c.namespace == bindparam("namespace")))
)
_CHARGES: Final = select(ledger).where(
    ledger.c.workflow_id == _RUN, unindexed(ledger.c.namespace == bindparam("namespace"))
)
_HISTORIES: Final = select(histories).where(histories.c.workflow_id == _RUN)


def load_notes(tx: Tx, workflow_id: UUID, step_id: UUID | None = None) -> list[StoredNote]:
    """Return what the steps of a run, or one of them, have recorded, in all directions and epochs."""
    calls, charges, named = _CALLS, _CHARGES, {"workflow_id": workflow_id, "namespace": tx.namespace}
    if step_id is not None:
        calls, charges = calls.where(checkpoints.c.step_id == _STEP), charges.where(ledger.c.step_id == _STEP)
        named["step_id"] = step_id
    made = [_note(NoteKind.CHECKPOINT, checkpoint_of(row).digest, row) for row in tx.rows(calls, **named)]
    spent = tx.rows(charges, **named)
    return made + [_note(NoteKind.CHARGE, charge_of(row).digest, row)._replace(about=_about(row)) for row in spent]


def load_histories(tx: Tx, workflow_id: UUID) -> dict[tuple[str, int], str]:
    """Return the digests of what the agents of a run have left, by their places."""
    return {
        (row.path, row.position): digest_of_history(row.name, row.library, row.size, row.payload)
        for row in tx.rows(_HISTORIES, workflow_id=workflow_id)
    }


def _about(row: Any) -> tuple[str | None, ...]:
    return (row.workflow, row.tenant, row.step, row.path, str(row.position))


def _note(kind: NoteKind, digest: str, row: Any) -> StoredNote:
    note = Note(kind, digest, row.key, row.epoch)
    return StoredNote(row.step_id, row.direction, note, row.fence, row.jws, row.recorded_at)
