"""Exponential backoff: the pauses between attempts at something unavailable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Backoff:
    """Growing pauses: ``first`` seconds, then ``factor`` times as long each time, up to ``longest``.

    ``jitter`` returns a fraction of the pause, 0 to 1, so that clients of one lost server do not all return at the same
    moment. Not to be shared by tasks that fail independently.
    """

    def __init__(
        self, first: float, longest: float, *, factor: float = 2.0, jitter: Callable[[], float] | None = None
    ) -> None:
        """Start with the first pause."""
        self._first = first
        self._longest = longest
        self._factor = factor
        self._jitter = jitter
        self._next = first
        self.attempts: int = 0
        """Number of failed attempts since the last success."""

    def next(self) -> float:
        """Count a failed attempt, and return the seconds to pause before the next one."""
        self.attempts += 1
        pause, self._next = self._next, min(self._next * self._factor, self._longest)
        return pause if self._jitter is None else pause * self._jitter()

    async def pause(self) -> None:
        """Sleep before the next attempt."""
        await asyncio.sleep(self.next())

    def reset(self) -> None:
        """Start again with the first pause, after a success."""
        self.attempts = 0
        self._next = self._first
