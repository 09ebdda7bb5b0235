"""Pauses of models, as a worker knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from paigeant.abc import Store
from paigeant.errors import Unavailable

_LOOK: Final = 1.0
"""Seconds between two looks at the store, at least, while requests are made."""
_UNTOLD: Final = 2.0
"""Seconds of a pause that only this worker knows of, where the provider does not say for how long."""


class PauseBoard:
    """Which models are left alone, read at most once a second, and only while somebody asks."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        """Read it from ``store``; ``clock`` counts seconds and is never set."""
        self._store = store
        self._clock = clock
        self._looked_at: float | None = None
        self._until: dict[str, float] = {}
        self._looking = asyncio.Lock()

    async def left(self, model: str) -> float:
        """Return for how many seconds the model is left alone yet; 0 or less if it is not."""
        async with self._looking:
            paused = self._until.get(model, 0.0) > self._clock()  # whoever is about to wait looks again
            if paused or self._looked_at is None or self._clock() - self._looked_at >= _LOOK:
                await self._look()
        return self._until.get(model, 0.0) - self._clock()

    async def note(self, model: str, seconds: float | None) -> float:
        """Write down that a provider has refused; returns for how many seconds its model is left alone.

        While the store is away only this worker knows.
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
            return  # what is known counts; a pause that is missed costs one refusal
        now = self._looked_at = self._clock()
        self._until = {model: now + left for model, left in found.items()}
