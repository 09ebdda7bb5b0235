"""The contract of pauses: which models are not asked for the moment, because their providers have refused."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping


class Pauses(ABC):
    """Keeps until when a model is left alone, for all workers of the namespace."""

    @abstractmethod
    async def pause_model(self, model: str, seconds: float | None = None) -> float:
        """Leave a model alone for so long from now on, a day at most; returns for how many seconds that is then.

        Without ``seconds`` it is 2 s, doubling to 60 with each refusal that comes after such a pause, until two minutes
        have passed without one. A pause that is longer already stays as it is, so that a repeat changes little.
        """

    @abstractmethod
    async def load_pauses(self) -> Mapping[str, float]:
        """Return the models that are left alone, and for how many seconds yet."""
