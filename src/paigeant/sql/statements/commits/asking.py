"""The questions of hops that begin to wait, written by the commit with which they do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select

from paigeant.model.message import HopKey
from paigeant.model.people.approvals import ApprovalStatus, Asked
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.calls import approvals
from paigeant.sql.schema.tables import step_executions, workflow_runs
from paigeant.sql.statements.hops import HOP, key_of, steps

_HOPS: Final = (
    select(*HOP, steps.step, steps.step_id, steps.direction, steps.epoch, workflow_runs.c.workflow)
    .join_from(hop_list, step_executions, IN_HOP_LIST)
    .join(workflow_runs, workflow_runs.c.workflow_id == steps.workflow_id)
)


def ask(tx: Tx, questions: Sequence[tuple[HopKey, Asked]]) -> None:
    """Write questions of hops that begin to wait; one that is there already stays as it is."""
    if not questions:
        return
    hops = {key_of(row): row for row in tx.rows(_HOPS, keys=keys_of({key for key, _ in questions}))}
    tx.add(approvals, [_row(tx, hops[key], question) for key, question in questions])


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
