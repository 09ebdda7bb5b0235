"""Pauses of models, cached by a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from paigeant.abc import Store
from paigeant.errors import Unavailable

_LOOK: Final = 1.0
"""Minimum of seconds between two queries, while requests are made."""
_UNTOLD: Final = 2.0
"""Seconds of a pause that only this worker knows, if the provider gives no time."""


class PauseBoard:
    """Paused models, queried at most once a second, and only on demand."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        """Read it from ``store``; ``clock`` counts seconds and is never set."""
        self._store = store
        self._clock = clock
        self._looked_at: float | None = None
        self._until: dict[str, float] = {}
        self._looking = asyncio.Lock()

    async def left(self, model: str) -> float:
        """Return the remaining seconds of the model's pause; 0 or less without one."""
        async with self._looking:
            paused = self._until.get(model, 0.0) > self._clock()  # a caller that would have to wait queries again
            if paused or self._looked_at is None or self._clock() - self._looked_at >= _LOOK:
                await self._look()
        return self._until.get(model, 0.0) - self._clock()

    async def note(self, model: str, seconds: float | None) -> float:
        """Record a refusal by a provider; returns the number of seconds for which its model is paused.

        While the store is unavailable only this worker knows the pause.
        """
        try:
            left = await self._store.pause_model(model, seconds)
        except Unavailable:
            left = _UNTOLD if seconds is None else seconds
        self._until[model] = self._clock() + left
        return left

    async def _look(self) -> None:
        try:
            found = await self._store.load_pauses()
        except Unavailable:
            return  # the cached state counts; a missed pause costs one refusal
        now = self._looked_at = self._clock()
        self._until = {model: now + left for model, left in found.items()}
