"""Histories: the conversation of an agent in a step, stored for later agents that continue it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from paigeant.model.calls.packed import unpack
from paigeant.model.values.digests import digest_of
from paigeant.model.values.json_text import to_json

HISTORY_BYTES: Final = 4 * 1024 * 1024
"""Limit of a history's JSON text in bytes: of a larger one only the size is stored."""


def digest_of_history(name: str | None, library: str, size: int, payload: bytes | None) -> str:
    """Return the digest of a history as it lies in its row."""
    return digest_of(to_json([name, library, size, None if payload is None else digest_of(payload)]))


class History(NamedTuple):
    """History as the commit of its step writes it: compressed JSON text, None if it was too large.

    ``name`` is the name of the step, if it has one besides its activity; ``library`` the version that wrote the text,
    of ``size`` bytes.
    """

    library: str
    size: int
    payload: bytes | None
    name: str | None = None

    @property
    def digest(self) -> str:
        """The digest of all of it."""
        return digest_of_history(self.name, self.library, self.size, self.payload)


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

    @property
    def digest(self) -> str | None:
        """The digest of one that was too large to be kept, None for any other: its text is not at hand."""
        return None if self.kept else digest_of_history(self.name, self.library, self.size, None)

    def is_called(self, name: str) -> bool:
        """True if the step has this name: that of its activity, or its own."""
        return name in {self.step, self.name}


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """History in the store, with its compressed text."""

    head: HistoryHead
    payload: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """The digest of all of it, as it lies there."""
        return digest_of_history(self.head.name, self.head.library, self.head.size, self.payload)

    @property
    def json(self) -> bytes:
        """The messages, as the JSON text that was written; raises ``zlib.error`` if it was altered."""
        return unpack(self.payload)
