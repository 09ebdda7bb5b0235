"""Retention: runs that ended long ago are deleted."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from paigeant.model.runs import FINAL, RunStatus
from paigeant.stores.memory.rows import Rows, RunRow


def prune(rows: Rows, older_than: timedelta, statuses: Collection[RunStatus], limit: int) -> int:
    """Delete some of the final runs that ended longer ago than this; returns how many."""
    before = rows.clock() - older_than
    rows.workers = {key: (card, seen) for key, (card, seen) in rows.workers.items() if seen >= before}
    gone = ended(rows, older_than, statuses)[:limit]
    for run in gone:
        del rows.runs[run.workflow_id], rows.hops[run.workflow_id]
        if run.dispatch_key is not None:
            del rows.keys[run.workflow, run.dispatch_key]
    rows.deeds = [each for each in rows.deeds if each.deed.workflow_id not in {run.workflow_id for run in gone}]
    needed = {digest for run in rows.runs.values() for digest in run.plans}
    rows.plan_texts = {digest: text for digest, text in rows.plan_texts.items() if digest in needed}
    return len(gone)


def ended(rows: Rows, older_than: timedelta, statuses: Collection[RunStatus]) -> list[RunRow]:
    """Return the runs that there are to prune, the longest ended first."""
    before, wanted = rows.clock() - older_than, FINAL.intersection(statuses)
    found = [
        (run.completed_at, run.number, run) for run in rows.runs.values() if run.status in wanted and run.completed_at
    ]
    return [run for completed_at, _, run in sorted(found, key=lambda one: one[:2]) if completed_at < before]
