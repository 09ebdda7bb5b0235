"""A memory store whose time can be moved on, for what waits to happen without anybody's waiting."""

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
    """Its time goes on as ever, and jumps when asked to. What the living keep fresh is as fresh after the jump."""

    def __init__(self) -> None:
        """Start now."""
        self._skipped = timedelta()
        super().__init__(clock=self.now)

    def now(self) -> datetime:
        """Return the store's time."""
        return store_time() + self._skipped

    def skip(self, time: timedelta) -> None:
        """Jump ahead. Leases that are held, and workers that are alive, are renewed as they would have been."""
        self._skipped += time
        rows = self._rows
        for hop in rows.twins.values():
            if hop.owner is not None and hop.due_at is not None:
                hop.due_at, hop.hint_at = hop.due_at + time, hop.hint_at + time
        rows.workers = {owner: (card, seen + time) for owner, (card, seen) in rows.workers.items()}
        rows.changes.note()

    def under_way(self) -> list[str]:
        """Return what runs, or is about to because it is due and somebody serves it."""
        now, known = self.now(), served(self._rows)
        return [
            f"{hop.step!r} at position {hop.key.position} of run {hop.key.workflow_id}"
            for hop in self._rows.twins.values()
            if hop.owner is not None or (hop.step in known and leases.is_due(hop, now))
        ]

    def next_moment(self) -> datetime | None:
        """Return when something is going to be due, None if nothing ever is unless somebody does something."""
        now = self.now()
        return min((moment for moment in self._moments() if moment > now), default=None)

    def _moments(self) -> Iterator[datetime]:
        for run, hop in self._rows.pending():
            if hop.owner is None and hop.due_at is not None:
                yield hop.due_at
            if hop.direction is Direction.EXECUTE and run.deadline is not None:
                yield run.deadline

    def end_leases(self, owner: str) -> None:
        """Let the leases of an owner who is dead run out now."""
        for hop in self._held_by(owner):
            hop.due_at = hop.hint_at = self.now()
        self._rows.changes.note()

    def _held_by(self, owner: str) -> list[HopRow]:
        return [hop for hop in self._rows.twins.values() if hop.owner == owner]
