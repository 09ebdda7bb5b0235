"""The contract of histories: what agents were told and have answered, step by step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from uuid import UUID

from paigeant.model.calls.histories import HistoryHead, StoredHistory
from paigeant.model.message import HopKey


class Histories(ABC):
    """Reads the histories of steps. Each is written by the commit that completes its step, and deleted with the run.

    A fork inherits those that lie before its place.
    """

    @abstractmethod
    async def list_histories(self, workflow_id: UUID) -> list[HistoryHead]:
        """Return what histories the run's steps have left, in the order of their places; of an unknown run nothing."""

    @abstractmethod
    async def load_history(self, key: HopKey) -> StoredHistory | None:
        """Return the history that the step at this place has left, None if none is kept."""
