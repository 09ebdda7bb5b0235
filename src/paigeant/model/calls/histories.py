"""Histories: what an agent was told and has answered in a step, kept for agents that go on from there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from paigeant.model.calls.packed import unpack

HISTORY_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a history's JSON text, at most: of one that is larger only its size is kept."""


class History(NamedTuple):
    """A history as the commit of its step writes it: JSON text that is packed, None if that was too large.

    ``name`` is what the step is called beside its activity; ``library`` the version that has written the text, of
    ``size`` bytes.
    """

    library: str
    size: int
    payload: bytes | None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryHead:
    """That a step has left a history, and where. It is not ``kept`` if it was too large."""

    step: str
    name: str | None
    path: str
    position: int
    library: str
    size: int
    kept: bool
    at: datetime

    def is_called(self, name: str) -> bool:
        """Tell whether the step goes by this name: that of its activity, or its own."""
        return name in {self.step, self.name}


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """A history where it rests, with its text packed."""

    head: HistoryHead
    payload: bytes = field(repr=False)

    @property
    def json(self) -> bytes:
        """The messages, as the JSON text that was written; raises ``zlib.error`` if somebody has altered it."""
        return unpack(self.payload)
