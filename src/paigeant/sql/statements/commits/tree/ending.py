"""Ends of runs from outside, together with their child runs: parents are locked before children."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import bindparam, select, update

from paigeant.model.runs import CancelRequest
from paigeant.protocol import operate
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.statements.commits.join_rows import begins
from paigeant.sql.statements.commits.joins import Counting
from paigeant.sql.statements.commits.tree.resuming import find, write_run
from paigeant.sql.statements.custody.grants import drop_grants
from paigeant.sql.statements.hops import HOP, STILL_OPEN, steps

runs: Columns = workflow_runs.c

_ABANDON: Final = PreparedStatement(
    update(step_executions)
    .where(steps.workflow_id == bindparam("b_workflow_id"), STILL_OPEN)
    .values(operate.abandon(cast("Any", steps), cast("Any", bindparam("b_now")))._asdict())
)
"""SQL forms of decisions about one row."""
_LOCK_OPEN: Final = (
    select(*HOP)
    .where(steps.workflow_id == bindparam("b_workflow_id"), STILL_OPEN)
    .order_by(*HOP)
    .with_for_update(of=step_executions)
)
"""Locks open hops in the order of heartbeats, which prevents deadlocks, before all of them are written."""
_OPEN_CHILDREN: Final = PreparedStatement(
    select(runs.workflow_id)
    .where(runs.parent_id == bindparam("workflow_id"), runs.completed_at.is_(None), begins(runs.parent_path))
    .order_by(runs.workflow_id)
    .with_for_update(key_share=True)
)


def close(tx: Tx, ended: Sequence[UUID]) -> None:
    """Delete all twins, leases and identities of an ended run."""
    tx.many(_ABANDON, [{"b_workflow_id": workflow_id, "b_now": tx.now} for workflow_id in ended])
    drop_grants(tx, ended)


def cancel_under(tx: Tx, workflow_id: UUID, prefix: str, request: CancelRequest) -> None:
    """Cancel child runs that began on paths with this prefix, and their own child runs."""
    for row in tx.rows(_OPEN_CHILDREN, workflow_id=workflow_id, prefix=prefix):
        child = row.workflow_id
        requested = operate.request_cancel(find(tx, child), request, tx.now)
        if requested is not None:
            write_run(tx, child, requested._asdict())
            Counting(tx).end_run(child)
            cancel_under(tx, child, "", request)


def terminate_tree(tx: Tx, workflow_id: UUID, ended: operate.Ended) -> list[UUID]:
    """End a run, and all its child runs, now; returns them."""
    children = [row.workflow_id for row in tx.rows(_OPEN_CHILDREN, workflow_id=workflow_id, prefix="")]
    tx.rows(_LOCK_OPEN, b_workflow_id=workflow_id)
    write_run(tx, workflow_id, ended._asdict())
    close(tx, [workflow_id])
    return [workflow_id, *(each for child in children for each in terminate_tree(tx, child, ended))]
