"""What a running step may know of the histories of its run; for agents and other adapters, not for users."""

from __future__ import annotations

from typing import Protocol

from paigeant.model.calls.histories import HistoryHead, StoredHistory


class HistoryAccess(Protocol):
    """The histories that steps behind this one have left, and the one that it leaves itself."""

    async def keep(self, json: bytes, library: str) -> int | None:
        """Have a JSON text of this version kept with the commit that completes the step; the last one counts.

        Returns how many bytes it may have at most, if it has more: then only its size is kept.
        """
        ...

    async def find(self, step: str) -> list[HistoryHead]:
        """Return what histories the step sees under a name: one, none, or of several branches one each."""
        ...

    async def load(self, head: HistoryHead) -> StoredHistory | None:
        """Return one of those, None if it is not kept."""
        ...
