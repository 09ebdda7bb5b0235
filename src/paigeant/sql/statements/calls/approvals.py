"""Statements of approvals. Asking and answering lock the row of the run first, so that no answer is missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, func, select, update

from paigeant.model.limits import POSITIONS
from paigeant.model.people.approvals import (
    SHOWN_OF_RUN,
    Answer,
    Answered,
    Approval,
    ApprovalPage,
    ApprovalStatus,
)
from paigeant.model.stored.checkpoints import StepEpoch
from paigeant.model.stored.pages import read_place
from paigeant.protocol.people import approvals as protocol
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.calls import approvals
from paigeant.sql.schema.tables import Columns, step_executions
from paigeant.sql.statements.commits.asking import hasten
from paigeant.sql.statements.commits.tree import resuming
from paigeant.sql.statements.custody.deeds import keep_deeds
from paigeant.sql.statements.hops import key_of, steps

asked: Columns = approvals.c
_OF_HOP: Final = (
    (steps.workflow_id == asked.workflow_id) & (steps.path == asked.path) & (steps.position == asked.position)
)
_SHOWN: Final = (
    select(approvals, steps.epoch.label("hop_epoch"), steps.completed_at)
    .join_from(approvals, step_executions, _OF_HOP)
    .where(asked.namespace == bindparam("namespace"))
)
_OF_RUN: Final = PreparedStatement(
    _SHOWN.where(asked.workflow_id == bindparam("workflow_id")).order_by(asked.id).limit(SHOWN_OF_RUN)
)


def list_approvals(tx: Tx, workflows: Sequence[str], everything: bool, limit: int, after: str | None) -> ApprovalPage:  # noqa: FBT001
    """Return a page of questions."""
    query = _SHOWN.order_by(asked.id).limit(limit + 1)
    if not everything:
        waits = (asked.status == ApprovalStatus.OPEN.value) & steps.completed_at.is_(None)
        query = query.where(
            waits,
            asked.epoch == func.coalesce(steps.epoch, 0),
            asked.expires_at.is_(None) | (asked.expires_at > tx.now),
        )
    if workflows:
        query = query.where(asked.workflow.in_(workflows))
    if (place := read_place(after, "approvals")) is not None:
        query = query.where(asked.id > place)
    rows = tx.rows(query, namespace=tx.namespace)
    following = str(rows[limit - 1].id) if len(rows) > limit else None
    return ApprovalPage(approvals=tuple(protocol.view(row, tx.now) for row in rows[:limit]), next=following)


def get_approval(tx: Tx, approval_id: int) -> Approval:
    """Return a question; raises UnknownApproval."""
    return protocol.view(_find(tx, approval_id), tx.now)


def answer_approval(tx: Tx, approval_id: int, answer: Answer) -> Approval:
    """Answer a question, and make its step due if no other question of it is open."""
    resuming.find(tx, _find(tx, approval_id).workflow_id)
    tx = tx.later()  # the previous holder of the lock may have answered, or made the step wait
    row = _find(tx, approval_id)
    protocol.require_open(row, tx.now)
    written = {"status": answer.status.value, "answer": answer.value, "answered_by": answer.by, "answered_at": tx.now}
    tx.connection.execute(update(approvals).where(asked.id == approval_id).values(written))
    keep_deeds(tx, answer.deed)
    hasten(tx, [key_of(row)])
    return get_approval(tx, approval_id)


def load_answers(tx: Tx, step: StepEpoch) -> Mapping[str, Answered]:
    """Return the state of a step's questions."""
    return {row.key: protocol.seen(row, tx.now) for row in _of_step(tx, step)}


def approvals_of_run(tx: Tx, workflow_id: UUID) -> list[Approval]:
    """Return the first thousand questions of a run, in order."""
    found = tx.rows(_OF_RUN, namespace=tx.namespace, workflow_id=workflow_id)
    return [protocol.view(row, tx.now) for row in found]


def _of_step(tx: Tx, step: StepEpoch) -> Sequence[Any]:
    query = _SHOWN.where(
        asked.workflow_id == step.workflow_id,
        asked.step_id == step.step_id,
        asked.direction == str(step.direction),
        asked.epoch == step.epoch,
    )
    return tx.rows(query, namespace=tx.namespace)


def _find(tx: Tx, approval_id: int) -> Any:
    there = 0 < approval_id < POSITIONS  # else it is outside of the column's range
    rows = tx.rows(_SHOWN.where(asked.id == approval_id), namespace=tx.namespace) if there else ()
    if not rows:
        raise protocol.unknown(approval_id)
    return rows[0]
