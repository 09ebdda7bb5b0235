"""The contract of codecs: how messages become bytes, bytes messages, and who vouches for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from paigeant.model.hops import Leased, Sealed
from paigeant.model.message import PaigeantMessage
from paigeant.model.transition import Transition


class Opened(NamedTuple):
    """What bytes opened to: the message, and the verified identity of who sealed it, None where nothing is signed."""

    message: PaigeantMessage
    sealer: str | None = None


class Codec(ABC):
    """Seals messages into bytes and opens them again. The bytes are made once and never re-serialised."""

    @abstractmethod
    def seal(self, message: PaigeantMessage) -> Sealed:
        """Return the message's bytes; raises :class:`~paigeant.errors.InvalidInput` if its body is over 1 MiB."""

    @abstractmethod
    def open(self, body: bytes) -> Opened:
        """Return the message of these bytes and who sealed it; a repeat returns the same.

        Raises :class:`~paigeant.errors.MessageRejected` for any others, also where a signature is asked for and is
        missing or wrong: what is returned is verified as far as this codec verifies anything.
        """

    def attest(self, leased: Leased, transition: Transition) -> bytes | None:
        """Return the signed record of a run's last hop, for the store to keep with the run's end.

        A hop is vouched for by the seal of the message that follows it. After the last one nothing is sealed, so that
        the engine asks for this instead, once for each commit that ends a run. None where hops are not signed.
        """
        del leased, transition
        return None
