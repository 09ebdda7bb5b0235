"""Histories of agents: written by the commits of their steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select

from paigeant.model.calls.histories import HistoryHead, StoredHistory
from paigeant.model.hops import Commit
from paigeant.model.message import HopKey
from paigeant.model.runs import place_order
from paigeant.model.stored.forks import Fork
from paigeant.sql.execution.keys import unindexed
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.calls import histories
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.statements.hops import steps

kept: Columns = histories.c
_HEADS: Final = (
    select(steps.step, kept.name, kept.path, kept.position, kept.library, kept.size, kept.recorded_at)
    .add_columns(kept.payload.is_not(None).label("kept"))
    .join_from(
        histories,
        step_executions,
        (steps.workflow_id == kept.workflow_id) & (steps.path == kept.path) & (steps.position == kept.position),
    )
    .join(workflow_runs, workflow_runs.c.workflow_id == kept.workflow_id)
    .where(kept.workflow_id == bindparam("workflow_id"))
    .where(unindexed(workflow_runs.c.namespace == bindparam("namespace")))
)
_ONE: Final = (
    _HEADS.add_columns(kept.payload)
    .where(kept.path == bindparam("path"), kept.position == bindparam("position"))
    .where(kept.payload.is_not(None))
)
_OF_RUN: Final = select(*kept).where(kept.workflow_id == bindparam("source"))


def keep_histories(tx: Tx, commits: Iterable[Commit]) -> None:
    """Write the histories of these commits."""
    rows = [
        {**one.held.key._asdict(), **one.history._asdict(), "recorded_at": tx.now}
        for one in commits
        if one.history is not None
    ]
    if rows:
        tx.upsert(histories, rows)


def inherit_histories(tx: Tx, fork: Fork) -> None:
    """Write the histories that a fork inherits."""
    found = [row for row in tx.rows(_OF_RUN, source=fork.source) if fork.inherits(row.path, row.position)]
    if found:
        tx.upsert(histories, [{**row._asdict(), "workflow_id": fork.start.workflow_id} for row in found])


def list_histories(tx: Tx, workflow_id: UUID) -> list[HistoryHead]:
    """Return the histories of a run's steps, in the order of their places."""
    heads = [_head(row) for row in tx.rows(_HEADS, workflow_id=workflow_id, namespace=tx.namespace)]
    return sorted(heads, key=lambda head: place_order(head.path, head.position))


def load_history(tx: Tx, key: HopKey) -> StoredHistory | None:
    """Return the history of the step at this place."""
    rows = tx.rows(_ONE, **key._asdict(), namespace=tx.namespace)
    return StoredHistory(_head(rows[0]), rows[0].payload) if rows else None


def _head(row: Any) -> HistoryHead:
    return HistoryHead(
        row.step, row.name, row.path, row.position, row.library, row.size, kept=bool(row.kept), at=row.recorded_at
    )
