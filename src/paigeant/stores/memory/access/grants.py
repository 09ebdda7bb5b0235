"""Hops that go on once there is a new grant."""

from __future__ import annotations

from uuid import UUID

from paigeant.protocol.people import grants
from paigeant.stores.memory.rows import HopRow, Rows, RunRow


def hasten_granted(rows: Rows, granted: UUID, hop: HopRow) -> bool:
    """Make a hop due that waits for the grant of this run, if one was stored since its lease; returns True if it is."""
    run = rows.runs.get(granted)
    change = grants.hasten(hop, run.grant[1] if run and run.grant else None, rows.clock())
    if change is not None:
        hop.change(change)
    return change is not None


def open_within(rows: Rows, workflow_id: UUID) -> list[RunRow]:
    """Return a run, and the open runs within it."""
    found = [rows.runs[workflow_id]]
    for run in found:
        found += [one for one in rows.runs.values() if one.parent_id == run.workflow_id and one.completed_at is None]
    return found
