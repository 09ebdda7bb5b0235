"""Chores that mostly find nothing are not asked about in vain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic

from paigeant.changes import Changes


class Quiet:
    """Remembers when there will be something to do, for as long as nothing changes."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._seen = -1
        self._until = 0.0

    async def ends(self, changes: Changes, due_in: Callable[[], Awaitable[float | None]]) -> bool:
        """Tell whether there is something to do now; ``due_in`` asks the store in how many seconds, if at all."""
        if self._seen == changes.count and monotonic() < self._until:
            return False
        seen, now = changes.count, monotonic()
        left = await due_in()
        self._seen = seen
        self._until = now + (changes.floor if left is None else min(left, changes.floor))
        return left is not None and left <= 0
