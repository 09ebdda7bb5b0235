"""Retention in memory: deletion of old ended runs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from paigeant.model.runs import FINAL, RunStatus
from paigeant.protocol.spending.budgets import OF_DAYS
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.runs import RunRow


def find_ended(
    rows: Rows, older_than: timedelta, statuses: Collection[RunStatus], limit: int, without: Collection[UUID]
) -> list[UUID]:
    """Return some of the runs that can be pruned, without the excluded ones."""
    found = [run.workflow_id for run in ended(rows, older_than, statuses)]
    return [run for run in found if run not in without][:limit]


def prune(
    rows: Rows,
    older_than: timedelta,
    statuses: Collection[RunStatus],
    limit: int,
    only: Collection[UUID] | None = None,
) -> int:
    """Delete some final runs that ended longer ago than this; returns their number."""
    before = rows.clock() - older_than
    rows.workers = {key: (card, seen) for key, (card, seen) in rows.workers.items() if seen >= before}
    gone = [run for run in ended(rows, older_than, statuses) if only is None or run.workflow_id in only][:limit]
    for run in gone:
        del rows.runs[run.workflow_id], rows.hops[run.workflow_id]
        if run.dispatch_key is not None:
            del rows.keys[run.workflow, run.dispatch_key]
    _drop_budgets(rows, gone, before)
    rows.deeds = [each for each in rows.deeds if each.deed.workflow_id not in {run.workflow_id for run in gone}]
    needed = {digest for run in rows.runs.values() for digest in run.plans}
    rows.plan_texts = {digest: text for digest, text in rows.plan_texts.items() if digest in needed}
    if not gone and not only:
        _drop_past_keys(rows, before)
    return len(gone)


def _drop_past_keys(rows: Rows, before: datetime) -> None:
    """Delete keys that were out of use by then, and before the oldest remaining run began."""
    by = min([before, *(run.created_at for run in rows.runs.values())])
    rows.signing_keys = {
        kid: stored for kid, stored in rows.signing_keys.items() if stored.key.until is None or stored.key.until >= by
    }


def _drop_budgets(rows: Rows, gone: list[RunRow], before: datetime) -> None:
    """Delete budgets of deleted runs, and of days without spending since then."""
    kept = rows.calls.budgets
    for scope in list(kept):
        kind, _, rest = scope.partition(" ")
        past = kind in OF_DAYS and rows.calls.budgets_at.get(scope, rows.clock()) < before
        if past or (kind in {"run", "step"} and rest.partition(":")[0] in {str(run.workflow_id) for run in gone}):
            del kept[scope]


def ended(rows: Rows, older_than: timedelta, statuses: Collection[RunStatus]) -> list[RunRow]:
    """Return the runs that can be pruned, the longest ended first."""
    before, wanted = rows.clock() - older_than, FINAL.intersection(statuses)
    found = [
        (run.completed_at, run.number, run) for run in rows.runs.values() if run.status in wanted and run.completed_at
    ]
    old = [run for completed_at, _, run in sorted(found, key=lambda one: one[:2]) if completed_at < before]
    return [run for run in old if not _is_needed(rows, run)]


def _is_needed(rows: Rows, run: RunRow) -> bool:
    """True if a run is a child of an open run, which may undo it."""
    parent = None if run.parent_id is None else rows.runs.get(run.parent_id)
    return parent is not None and parent.completed_at is None
