"""Statements of checkpoints, with charges and variables of running steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, Text, Uuid, bindparam, func, select, update

from paigeant.model.calls.recorded import CALLS, CallRow
from paigeant.model.hops import LeaseToken
from paigeant.model.spending.charges import Charge
from paigeant.model.spending.money import picos_of
from paigeant.model.stored.checkpoints import Checkpoint, Recorded, Recording, StepEpoch
from paigeant.protocol.calls.recorded import counting
from paigeant.sql.execution.keys import call_list, calls_of, unindexed
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.calls import checkpoints, ledger
from paigeant.sql.schema.tables import step_executions, workflow_runs, workflow_variables
from paigeant.sql.statements.calls import budgets
from paigeant.sql.statements.calls.leased import leased, step_of
from paigeant.sql.statements.custody.recorded import MICRO, checkpoint_of
from paigeant.sql.statements.hops import THIS_HOP, bound, keep_blobs

_STEP: Final = ("workflow_id", "step_id", "direction", "epoch")
_RECORDED: Final = (
    *(checkpoints.c[name] for name in ("key", "payload", "fingerprint", "kind", "library", "took_us", "jws")),
    *(checkpoints.c.recorded_at, checkpoints.c.fence),
)
_THESE: Final = PreparedStatement(
    select(*(checkpoints.c[name] for name in _STEP), *_RECORDED).join_from(
        call_list,
        checkpoints,
        (checkpoints.c.workflow_id == call_list.c.workflow_id)
        & (checkpoints.c.step_id == call_list.c.step_id)
        & (checkpoints.c.direction == call_list.c.direction)
        & (checkpoints.c.epoch == call_list.c.epoch)
        & (checkpoints.c.key == call_list.c.key),
    )
)
_ALL: Final = PreparedStatement(
    select(*_RECORDED)
    .join(workflow_runs, workflow_runs.c.workflow_id == checkpoints.c.workflow_id)
    .where(
        checkpoints.c.workflow_id == bindparam("workflow_id", type_=Uuid()),
        checkpoints.c.step_id == bindparam("step_id", type_=Uuid()),
        checkpoints.c.direction == bindparam("direction", type_=Text()),
        checkpoints.c.epoch == bindparam("epoch", type_=Integer()),
        unindexed(workflow_runs.c.namespace == bindparam("namespace", type_=Text())),
    )
    .order_by(checkpoints.c.recorded_at, checkpoints.c.key)
)
_CALLS: Final = (
    select(
        *(step_executions.c[name] for name in ("step", "step_id", "direction", "path", "position")),
        *(checkpoints.c[name] for name in ("epoch", "key", "kind", "fence", "worker", "library")),
        checkpoints.c.took_us.label("took"),
        checkpoints.c.recorded_at.label("at"),
        func.length(checkpoints.c.payload).label("size"),
    )
    .join_from(
        checkpoints,
        step_executions,
        (step_executions.c.workflow_id == checkpoints.c.workflow_id)
        & (step_executions.c.step_id == checkpoints.c.step_id)
        & (step_executions.c.direction == checkpoints.c.direction),
    )
    .where(checkpoints.c.workflow_id == bindparam("workflow_id", type_=Uuid()))
    .where(step_executions.c.namespace == bindparam("namespace", type_=Text()))
    .order_by(checkpoints.c.recorded_at, checkpoints.c.epoch, checkpoints.c.key)
    .limit(CALLS)
)
_AFRESH: Final = PreparedStatement(update(step_executions).where(THIS_HOP).values(epoch=bindparam("b_epoch")))


def record(tx: Tx, recordings: Sequence[Recording]) -> list[Recorded]:
    """Write recordings whose lease is alive."""
    hops = leased(tx, {recording.held for recording in recordings})
    alive = [(hops[one.held], one) for one in recordings if one.held in hops]
    rows = [_checkpoint_row(tx, hop, one.checkpoint) for hop, one in alive if one.checkpoint is not None]
    first = _write(tx, rows)
    _set_variables(tx, [one for _, one in alive])
    charged = [(hop, charge) for hop, one in alive for charge in one.charges]
    if charged:
        counted = [(hop, one) for hop, one in alive if one.budgets]
        # Charges are written in the transaction of their checkpoint: only the first writer is charged.
        repeated = bool(first) or any(one.checkpoint is None for _, one in counted)
        settled = budgets.fresh(tx, counted, repeated=repeated)
        _charge(tx, charged)
        budgets.settle(tx, settled)
    return [_answer(hops.get(one.held), one.checkpoint, first) for one in recordings]


def _write(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> Mapping[tuple[Any, ...], Checkpoint]:
    """Write checkpoints with new keys; returns the existing ones of other keys."""
    if not rows:
        return {}
    if tx.add(checkpoints, rows) == len(rows):
        return {}
    # Some existed, or were listed twice: the first of a key counts, whoever wrote it.
    calls = {tuple(row[name] for name in (*_STEP, "key")) for row in rows}
    return {
        (*(getattr(row, name) for name in _STEP), row.key): checkpoint_of(row)
        for row in tx.rows(_THESE, calls=calls_of(calls))
    }


def _set_variables(tx: Tx, recordings: Sequence[Recording]) -> None:
    keep_blobs(tx, [(one.held.key.workflow_id, one.blob) for one in recordings if one.blob is not None])
    rows = {
        (one.held.key, one.variable[0]): one.held.key._asdict()
        | {"name": one.variable[0], "value": one.variable[1], "updated_at": tx.now}
        for one in recordings
        if one.variable is not None
    }  # of two that set the same variable, the later counts
    if rows:
        tx.upsert(workflow_variables, list(rows.values()))


def _answer(hop: Any, checkpoint: Checkpoint | None, first: Mapping[tuple[Any, ...], Checkpoint]) -> Recorded:
    if hop is None:
        return Recorded(alive=False)
    if checkpoint is None:
        return Recorded(alive=True)
    key = (hop.workflow_id, hop.step_id, hop.direction, hop.epoch or 0, checkpoint.key)
    return Recorded(alive=True, checkpoint=counting(checkpoint, first.get(key)))


def _checkpoint_row(tx: Tx, hop: Any, checkpoint: Checkpoint) -> dict[str, Any]:
    lease = {"worker": hop.owner, "fence": hop.fence, "recorded_at": tx.now}
    made = checkpoint._asdict()
    made["took_us"] = round(made.pop("took") * MICRO)
    del made["at"]
    return step_of(hop) | made | lease


def _charge(tx: Tx, charged: Sequence[tuple[Any, Charge]]) -> None:
    tx.add(
        ledger,
        [
            step_of(hop)
            | {
                "namespace": tx.namespace,
                "workflow": hop.workflow,
                "tenant": hop.tenant,
                "path": hop.path,
                "position": hop.position,
                "step": hop.step,
                "fence": hop.fence,
                "recorded_at": tx.now,
            }
            | _charge_row(charge)
            for hop, charge in charged
        ],
    )


def load_checkpoints(tx: Tx, step: StepEpoch) -> dict[str, Checkpoint]:
    """Return all checkpoints of a step in this direction and epoch."""
    rows = tx.rows(_ALL, **step._asdict() | {"direction": step.direction.value}, namespace=tx.namespace)
    return {row.key: checkpoint_of(row) for row in rows}


def list_calls(tx: Tx, workflow_id: UUID) -> list[CallRow]:
    """Return the recorded calls of a run's steps, in the order of recording."""
    found = tx.rows(_CALLS, workflow_id=workflow_id, namespace=tx.namespace)
    return [CallRow(**row._asdict())._replace(took=row.took / MICRO) for row in found]


def start_afresh(tx: Tx, held: LeaseToken) -> int | None:
    """Raise the epoch of a leased hop."""
    hop = leased(tx, [held]).get(held)
    if hop is None:
        return None
    epoch = (hop.epoch or 0) + 1
    tx.many(_AFRESH, [bound(held.key) | {"b_epoch": epoch}])
    return epoch


def _charge_row(charge: Charge) -> dict[str, Any]:
    return {
        "key": charge.key,
        "agent": charge.agent,
        "provider": charge.provider,
        "model": charge.model,
        "input_tokens": charge.input_tokens,
        "output_tokens": charge.output_tokens,
        "cache_read_tokens": charge.cache_read_tokens,
        "cache_write_tokens": charge.cache_write_tokens,
        "cost_picos": picos_of(charge.cost),
        "jws": charge.jws,
    }
