"""Histories: the conversation of an agent in a step, stored for later agents that continue it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from paigeant.model.calls.packed import unpack

HISTORY_BYTES: Final = 4 * 1024 * 1024
"""Limit of a history's JSON text in bytes: of a larger one only the size is stored."""


class History(NamedTuple):
    """History as the commit of its step writes it: compressed JSON text, None if it was too large.

    ``name`` is the name of the step, if it has one besides its activity; ``library`` the version that wrote the text,
    of ``size`` bytes.
    """

    library: str
    size: int
    payload: bytes | None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryHead:
    """Metadata of a step's history, and its place. It is not ``kept`` if it was too large."""

    step: str
    name: str | None
    path: str
    position: int
    library: str
    size: int
    kept: bool
    at: datetime

    def is_called(self, name: str) -> bool:
        """True if the step has this name: that of its activity, or its own."""
        return name in {self.step, self.name}


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """History in the store, with its compressed text."""

    head: HistoryHead
    payload: bytes = field(repr=False)

    @property
    def json(self) -> bytes:
        """The messages, as the JSON text that was written; raises ``zlib.error`` if it was altered."""
        return unpack(self.payload)
