"""Hops that go on once there is a new grant."""

from __future__ import annotations

from paigeant.protocol.people import grants
from paigeant.stores.memory.rows import HopRow, Rows, RunRow


def hasten_granted(rows: Rows, run: RunRow, hop: HopRow) -> bool:
    """Make a hop due that waits for a grant, if one was stored since its lease; returns True if it is due now."""
    change = grants.hasten(hop, None if run.grant is None else run.grant[1], rows.clock())
    if change is not None:
        hop.change(change)
    return change is not None
