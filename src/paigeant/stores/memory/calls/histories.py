"""Histories of agents in memory: written by the commits of their steps."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from paigeant.model.calls.histories import History, HistoryHead, StoredHistory
from paigeant.model.message import HopKey
from paigeant.model.runs import place_order
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.runs import RunRow


def keep_history(run: RunRow, key: HopKey, history: History | None, now: datetime) -> None:
    """Write the history in a commit."""
    if history is not None:
        run.histories[key.path, key.position] = history, now


def list_histories(rows: Rows, workflow_id: UUID) -> list[HistoryHead]:
    """Return the histories of a run's steps, in the order of their places."""
    run = rows.runs.get(workflow_id)
    heads = [] if run is None else [_head(rows, HopKey(workflow_id, *place)) for place in run.histories]
    return sorted(heads, key=lambda head: place_order(head.path, head.position))


def load_history(rows: Rows, key: HopKey) -> StoredHistory | None:
    """Return the history of the step at this place."""
    run = rows.runs.get(key.workflow_id)
    found = None if run is None else run.histories.get((key.path, key.position))
    if found is None or found[0].payload is None:
        return None
    return StoredHistory(_head(rows, key), found[0].payload)


def _head(rows: Rows, key: HopKey) -> HistoryHead:
    history, at = rows.runs[key.workflow_id].histories[key.path, key.position]
    kept = history.payload is not None
    place = (rows.hops[key.workflow_id][key].step, history.name, key.path, key.position)
    return HistoryHead(*place, history.library, history.size, kept=kept, at=at)
