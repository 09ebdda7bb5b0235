"""Access of a running step to the histories of its run; for agents and other adapters, not for users."""

from __future__ import annotations

from typing import Protocol

from paigeant.model.calls.histories import HistoryHead, StoredHistory


class HistoryAccess(Protocol):
    """Histories of the steps before this one, and the history of this step."""

    async def keep(self, json: bytes, library: str) -> int | None:
        """Keep a history, JSON text of this library version, with the commit that completes the step; the last counts.

        Returns None, or the size limit in bytes if the text exceeds it: then only its size is stored.
        """
        ...

    async def find(self, step: str) -> list[HistoryHead]:
        """Return the visible histories of the steps of this name: none, one, or one for each of several branches."""
        ...

    async def load(self, head: HistoryHead) -> StoredHistory | None:
        """Return the content of a history, None if it is not stored."""
        ...
