"""Contract of histories: the messages of agents, step by step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from uuid import UUID

from paigeant.model.calls.histories import HistoryHead, StoredHistory
from paigeant.model.message import HopKey


class Histories(ABC):
    """Reads the histories of steps. Each is written by the commit that completes its step, and deleted with the run.

    A fork inherits the histories of the steps before its place.
    """

    @abstractmethod
    async def list_histories(self, workflow_id: UUID) -> list[HistoryHead]:
        """Return the histories of a run's steps, in the order of their places; an unknown run has none."""

    @abstractmethod
    async def load_history(self, key: HopKey) -> StoredHistory | None:
        """Return the history of the step at this place, None if none is stored."""
