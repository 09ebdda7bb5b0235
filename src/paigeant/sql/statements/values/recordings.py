"""What steps record while they run: checkpoints, and the ledger."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Text, bindparam, select

from paigeant.model.hops import LeaseToken
from paigeant.model.runs import Direction
from paigeant.model.stored.checkpoints import Charge, Checkpoint, LedgerEntry, Recorded, Recording, cost_of, nanos_of
from paigeant.protocol import leases
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import checkpoints, ledger, workflow_runs, workflow_variables
from paigeant.sql.statements.hops import THIS_HOP, bound, keep_blobs, steps

_LEASED: Final = PreparedStatement(
    select(steps.step_id, steps.direction, steps.fence, steps.owner, steps.completed_at)
    .where(THIS_HOP, steps.namespace == bindparam("namespace"))
    .with_for_update(read=True)
)
"""Shared, so that the calls of one step record beside each other; whoever takes the lease over has to wait, and what is
written before that is written under a lease that was alive."""

_OF_STEP: Final = (
    (checkpoints.c.workflow_id == bindparam("workflow_id"))
    & (checkpoints.c.step_id == bindparam("step_id"))
    & (checkpoints.c.direction == bindparam("direction", type_=Text()))
)
_VISIBLE: Final = workflow_runs.c.namespace == bindparam("namespace", type_=Text())
_ONE: Final = PreparedStatement(
    select(checkpoints.c.key, checkpoints.c.value, checkpoints.c.fingerprint).where(
        _OF_STEP, checkpoints.c.key == bindparam("key", type_=Text())
    )
)
_ALL: Final = PreparedStatement(
    select(checkpoints.c.key, checkpoints.c.value, checkpoints.c.fingerprint)
    .join(workflow_runs, workflow_runs.c.workflow_id == checkpoints.c.workflow_id)
    .where(_OF_STEP, _VISIBLE)
)
_LEDGER: Final = PreparedStatement(
    select(*[column for column in ledger.c if column.name != "workflow_id"])
    .join(workflow_runs, workflow_runs.c.workflow_id == ledger.c.workflow_id)
    .where(ledger.c.workflow_id == bindparam("workflow_id"), _VISIBLE)
    .order_by(ledger.c.recorded_at, ledger.c.key)
)


def record(tx: Tx, held: LeaseToken, recording: Recording) -> Recorded:
    """Record a checkpoint, a charge, a variable, or several, if the lease is alive."""
    rows = tx.rows(_LEASED, **bound(held.key), namespace=tx.namespace)
    if not rows or not leases.is_alive(rows[0], held.fence):
        return Recorded(alive=False)
    about = {
        "workflow_id": held.key.workflow_id,
        "step_id": rows[0].step_id,
        "direction": rows[0].direction,
    }
    if recording.charge is not None:
        tx.add(ledger, [about | _charge_row(recording.charge) | {"recorded_at": tx.now}])
    if recording.blob is not None:
        keep_blobs(tx, [(held.key.workflow_id, recording.blob)])
    if recording.variable is not None:
        name, value = recording.variable
        tx.upsert(workflow_variables, [held.key._asdict() | {"name": name, "value": value, "updated_at": tx.now}])
    if recording.checkpoint is None:
        return Recorded(alive=True)
    tx.add(checkpoints, [about | recording.checkpoint._asdict() | {"recorded_at": tx.now}])
    [first] = tx.rows(_ONE, **about, key=recording.checkpoint.key)
    return Recorded(alive=True, checkpoint=Checkpoint(first.key, first.value, first.fingerprint))


def load_checkpoints(tx: Tx, workflow_id: UUID, step_id: UUID, direction: Direction) -> dict[str, Checkpoint]:
    """Return all checkpoints of a step in this direction."""
    about = {"workflow_id": workflow_id, "step_id": step_id, "direction": direction.value}
    rows = tx.rows(_ALL, **about, namespace=tx.namespace)
    return {row.key: Checkpoint(row.key, row.value, row.fingerprint) for row in rows}


def read_ledger(tx: Tx, workflow_id: UUID) -> list[LedgerEntry]:
    """Return what a run's steps were charged."""
    rows = tx.rows(_LEDGER, workflow_id=workflow_id, namespace=tx.namespace)
    return [LedgerEntry(_charge(row), row.step_id, Direction(row.direction), row.recorded_at) for row in rows]


def _charge_row(charge: Charge) -> dict[str, Any]:
    return {
        "key": charge.key,
        "provider": charge.provider,
        "model": charge.model,
        "input_tokens": charge.input_tokens,
        "output_tokens": charge.output_tokens,
        "cache_read_tokens": charge.cache_read_tokens,
        "cache_write_tokens": charge.cache_write_tokens,
        "cost_nanos": nanos_of(charge.cost),
    }


def _charge(row: Any) -> Charge:
    tokens = (row.input_tokens, row.output_tokens, row.cache_read_tokens, row.cache_write_tokens)
    return Charge(row.key, row.provider, row.model, *tokens, cost=cost_of(row.cost_nanos))
