"""Contract of pauses: models that no worker calls for a while, because their provider refused."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping


class Pauses(ABC):
    """Stores the end of each model's pause, for all workers of the namespace."""

    @abstractmethod
    async def pause_model(self, model: str, seconds: float | None = None) -> float:
        """Pause a model for this long from now on, a day at most; returns the length of the pause in seconds.

        Without ``seconds`` it is 2 s, doubling to 60 s with each refusal after such a pause, until two minutes have
        passed without a refusal. A longer pause stays as it is, so that a repeat changes little.
        """

    @abstractmethod
    async def load_pauses(self) -> Mapping[str, float]:
        """Return the remaining seconds of each paused model, by its name."""
