"""Memory store with a movable clock, for tests of waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from paigeant.model.runs import Direction
from paigeant.protocol import leases
from paigeant.stores.memory import MemoryStore
from paigeant.stores.memory.clock import store_time
from paigeant.stores.memory.operator import served
from paigeant.stores.memory.tables.hops import HopRow


class SkippingStore(MemoryStore):
    """Memory store whose time goes on, and jumps on demand. Live leases and workers stay fresh over a jump."""

    def __init__(self) -> None:
        """Start at the present time."""
        self._skipped = timedelta()
        super().__init__(clock=self.now)

    def now(self) -> datetime:
        """Return the store's time."""
        return store_time() + self._skipped

    def skip(self, time: timedelta) -> None:
        """Jump ahead. Held leases, and living workers, are renewed as they would have been."""
        self._skipped += time
        rows = self._rows
        for hop in rows.twins.values():
            if hop.owner is not None and hop.due_at is not None:
                hop.due_at, hop.hint_at = hop.due_at + time, hop.hint_at + time
        rows.workers = {owner: (card, seen + time) for owner, (card, seen) in rows.workers.items()}
        rows.changes.note()

    def under_way(self) -> list[str]:
        """Return the running hops, and the due ones that a worker serves."""
        now, known = self.now(), served(self._rows)
        return [
            f"{hop.step!r} at position {hop.key.position} of run {hop.key.workflow_id}"
            for hop in self._rows.twins.values()
            if hop.owner is not None or (hop.step in known and leases.is_due(hop, now))
        ]

    def next_moment(self) -> datetime | None:
        """Return the next due time, None if nothing will be due without an action."""
        now = self.now()
        return min((moment for moment in self._moments() if moment > now), default=None)

    def _moments(self) -> Iterator[datetime]:
        for run, hop in self._rows.pending():
            if hop.owner is None and hop.due_at is not None:
                yield hop.due_at
            if hop.direction is Direction.EXECUTE and run.deadline is not None:
                yield run.deadline

    def end_leases(self, owner: str) -> None:
        """Expire the leases of a dead owner now."""
        for hop in self._held_by(owner):
            hop.due_at = hop.hint_at = self.now()
        self._rows.changes.note()

    def _held_by(self, owner: str) -> list[HopRow]:
        return [hop for hop in self._rows.twins.values() if hop.owner == owner]
