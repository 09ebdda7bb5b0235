"""Retention: old ended runs are deleted, a few at a time.

One status at a time, so that each query reads one range of one index, however many runs of another status are kept. The
row of a run is locked before its status counts: a concurrent resume either comes first, and the run stays, or finds no
run any more.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from itertools import accumulate
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BindParameter, Delete, bindparam, delete, exists, func, select

from paigeant.model.runs import FINAL, RunStatus
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.installation import workers
from paigeant.sql.schema.tables import Columns, workflow_runs
from paigeant.sql.schema.whole import tables_of_runs
from paigeant.sql.statements.calls.budgets import drop_budgets, drop_past_budgets
from paigeant.sql.statements.commits.plans import drop_unused
from paigeant.sql.statements.custody.signing_keys import drop_past_keys
from paigeant.sql.statements.hops import steps

HOPS: Final = 5_000
"""Approximate number of hops in one transaction, which blocks others for a fraction of a second. A larger run is
deleted by itself."""

runs: Columns = workflow_runs.c
_parents = workflow_runs.alias("parent")
_PARENT_IS_OPEN: Final = (
    exists().where(_parents.c.workflow_id == runs.parent_id, _parents.c.completed_at.is_(None)).correlate(workflow_runs)
)
_ENDED: Final = (
    (runs.namespace == bindparam("namespace"))
    & (runs.status == bindparam("status"))
    & (runs.completed_at < bindparam("before"))
    & (runs.parent_id.is_(None) | ~_PARENT_IS_OPEN)
)
_FOUND: Final = select(runs.workflow_id).where(_ENDED).order_by(runs.completed_at).limit(bindparam("limit"))
_OTHERS: Final = _FOUND.where(runs.workflow_id.not_in(bindparam("without", expanding=True)))
_OLDEST: Final = _FOUND.with_for_update(skip_locked=True)
_OLDEST_OF: Final = _OLDEST.where(runs.workflow_id.in_(bindparam("only", expanding=True)))
_COUNT: Final = select(func.count()).select_from(workflow_runs).where(_ENDED)
_THESE: Final[BindParameter[Any]] = bindparam("runs", expanding=True)
_SIZES: Final = (
    select(steps.workflow_id, func.count().label("hops"))
    .where(steps.workflow_id.in_(_THESE))
    .group_by(steps.workflow_id)
)
_FORGET_WORKERS: Final = delete(workers).where(
    workers.c.namespace == bindparam("namespace"), workers.c.seen_at < bindparam("before")
)


def _of_runs() -> tuple[Delete, ...]:
    """Return the statements that delete all rows of runs in every table, and finally the runs."""
    return tuple(delete(table).where(table.c.workflow_id.in_(_THESE)) for table in tables_of_runs())


DELETIONS: Final = _of_runs()


def find_ended(
    tx: Tx, older_than: timedelta, statuses: Collection[RunStatus], limit: int, without: Collection[UUID]
) -> list[UUID]:
    """Return some of the runs that can be pruned, without the excluded ones."""
    about = {"namespace": tx.namespace, "before": tx.now - older_than, "limit": limit, "without": list(without)}
    found = (tx.rows(_OTHERS, **about, status=status) for status in _final(statuses))
    return [row.workflow_id for row in next((rows for rows in found if rows), ())]


def prune(
    tx: Tx,
    older_than: timedelta,
    statuses: Collection[RunStatus],
    limit: int,
    only: Collection[UUID] | None = None,
) -> int:
    """Delete some final runs that ended longer ago than this, or these alone; returns their number."""
    about = {"namespace": tx.namespace, "before": tx.now - older_than}
    tx.connection.execute(_FORGET_WORKERS, about)
    query, wanted = (_OLDEST, {}) if only is None else (_OLDEST_OF, {"only": list(only)})
    there = (tx.rows(query, **about, **wanted, status=status, limit=limit) for status in _final(statuses))
    found = next((rows for rows in there if rows), ())
    if not found:
        if not only:
            drop_unused(tx)
            drop_past_budgets(tx, tx.now - older_than)
            drop_past_keys(tx, tx.now - older_than)
        return 0
    sizes = {row.workflow_id: row.hops for row in tx.rows(_SIZES, runs=[row.workflow_id for row in found])}
    oldest = [row.workflow_id for row in found]
    reached = list(accumulate(sizes.get(run, 0) for run in oldest))
    gone = [run for run, hops in zip(oldest, reached, strict=True) if hops <= HOPS] or oldest[:1]
    for deletion in DELETIONS:
        tx.connection.execute(deletion, {"runs": gone})
    drop_budgets(tx, gone)
    return len(gone)


def count_ended(tx: Tx, older_than: timedelta, statuses: Collection[RunStatus]) -> int:
    """Return the number of runs that can be pruned."""
    about = {"namespace": tx.namespace, "before": tx.now - older_than}
    return sum(tx.connection.execute(_COUNT, {**about, "status": status}).scalar_one() for status in _final(statuses))


def _final(statuses: Collection[RunStatus]) -> list[str]:
    return sorted(status.value for status in FINAL.intersection(statuses))
