"""Cache of the next due time, which saves queries of chores that mostly find nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from paigeant.aio.changes import Changes


class NextDueCache:
    """Remembers when there will be something to do, as long as nothing changes."""

    def __init__(self) -> None:
        """Start without knowledge."""
        self._seen = -1
        self._until = 0.0
        self._due: float | None = None

    async def ends(self, changes: Changes, due_in: Callable[[], Awaitable[float | None]], *, soon: float = 0.0) -> bool:
        """True if there is something to do now; ``due_in`` queries the number of seconds, if necessary.

        Work that is due within ``soon`` seconds is waited for: a caller with that polling interval would be late for
        it.
        """
        if self._seen != changes.count or monotonic() >= self._until:
            seen, now = changes.count, monotonic()
            left = await due_in()
            self._seen = seen
            self._due = None if left is None else monotonic() + left  # not before it is due by the store's clock
            self._until = now + (changes.floor if left is None else min(left, changes.floor))
        if self._due is None or (left := self._due - monotonic()) > soon:
            return False
        if left > 0:
            await asyncio.sleep(left)
        return True
