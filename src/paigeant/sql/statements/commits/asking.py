"""Statements of questions, written by the commit with which their hop begins to wait."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import func, select

from paigeant.model.message import HopKey
from paigeant.model.people.approvals import ApprovalStatus, Asked
from paigeant.protocol.operate import Hurried
from paigeant.protocol.people import approvals as protocol
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.calls import approvals
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.statements.hops import HOP, changed, changing, key_of, steps

asked: Columns = approvals.c
_HOPS: Final = (
    select(*HOP, steps.step, steps.step_id, steps.direction, steps.epoch, workflow_runs.c.workflow)
    .add_columns(steps.owner, steps.status, steps.reason, steps.due_at)
    .join_from(hop_list, step_executions, IN_HOP_LIST)
    .join(workflow_runs, workflow_runs.c.workflow_id == steps.workflow_id)
)
_ASKED: Final = (
    select(*HOP, asked.epoch, asked.status, asked.expires_at, steps.epoch.label("hop_epoch"), steps.completed_at)
    .join_from(hop_list, step_executions, IN_HOP_LIST)
    .join(
        approvals,
        (asked.workflow_id == steps.workflow_id) & (asked.path == steps.path) & (asked.position == steps.position),
    )
    .where(asked.epoch == func.coalesce(steps.epoch, 0))
)
_DUE: Final = changing(Hurried)


def ask(tx: Tx, questions: Sequence[tuple[HopKey, Asked]]) -> None:
    """Write questions of hops that begin to wait; an existing one stays as it is, answered or not."""
    if not questions:
        return
    keys = {key for key, _ in questions}
    hops = {key_of(row): row for row in tx.rows(_HOPS, keys=keys_of(keys))}
    tx.add(approvals, [_row(tx, hops[key], question) for key, question in questions])
    hasten(tx, keys)


def hasten(tx: Tx, keys: Collection[HopKey]) -> None:
    """Make those of these hops due that wait for answers, if all are there or when one expires."""
    asked_by: dict[HopKey, list[Any]] = {}
    for row in tx.rows(_ASKED, keys=keys_of(keys)):
        asked_by.setdefault(key_of(row), []).append(row)
    hops = tx.rows(_HOPS, keys=keys_of(keys))
    found = [(key_of(hop), protocol.hasten(hop, asked_by.get(key_of(hop), ()), tx.now)) for hop in hops]
    tx.many(_DUE, [changed(key, change) for key, change in found if change is not None])


def _row(tx: Tx, hop: Any, question: Asked) -> dict[str, Any]:
    seconds = question.seconds
    return {
        "namespace": tx.namespace,
        "workflow_id": hop.workflow_id,
        "workflow": hop.workflow,
        "path": hop.path,
        "position": hop.position,
        "step": hop.step,
        "step_id": hop.step_id,
        "direction": hop.direction,
        "epoch": hop.epoch or 0,
        "key": question.key,
        "kind": question.kind.value,
        "tool": question.tool,
        "arguments": question.arguments,
        "metadata": question.metadata,
        "status": ApprovalStatus.OPEN.value,
        "asked_at": tx.now,
        "expires_at": None if seconds is None else tx.now + timedelta(seconds=seconds),
    }
