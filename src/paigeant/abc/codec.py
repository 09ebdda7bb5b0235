"""How messages become bytes, and bytes messages."""

from __future__ import annotations

from abc import ABC, abstractmethod

from paigeant.model.hops import Sealed
from paigeant.model.message import PaigeantMessage


class Codec(ABC):
    """Seals messages into bytes and opens them again. The bytes are made once and never re-serialised."""

    @abstractmethod
    def seal(self, message: PaigeantMessage) -> Sealed:
        """Return the message's bytes; raises :class:`~paigeant.errors.InvalidInput` if its body is over 1 MiB."""

    @abstractmethod
    def open(self, body: bytes) -> PaigeantMessage:
        """Return the message of these bytes; raises :class:`~paigeant.errors.MessageRejected` for any others."""
