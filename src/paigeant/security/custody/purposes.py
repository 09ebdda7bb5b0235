"""What signatures are for, and who makes and verifies them; without any cryptography, so that it loads none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Purpose(StrEnum):
    """What a signature is for; one for another purpose is none."""

    RECORD = "paigeant-record+jws"
    DEED = "paigeant-deed+jws"
    NOTE = "paigeant-note+jws"
    VOUCHER = "paigeant-voucher+jws"
    EVIDENCE = "paigeant-evidence+jws"


class KeyPlaces(NamedTuple):
    """Where keys are: of the process's own and of those that it trusts, or, without either, of development.

    ``development`` is the file of a key that is made on first need, None for one in memory.
    """

    namespace: str
    signing_key: Path | None = None
    trust: Path | None = None
    development: Path | None = None


class Verified(Protocol):
    """A key whose signature was verified."""

    @property
    def iss(self) -> str:
        """Whose key it is."""
        ...

    def may(self, right: str) -> bool:
        """Tell whether it may do this, as ``step:pay``."""
        ...


class Keys(Protocol):
    """The keys of a process."""

    def sign(self, purpose: Purpose, text: bytes) -> bytes:
        """Return the detached JWS of this process over a text; raises ConfigError if it has no key."""
        ...

    def verify(self, purpose: Purpose, text: bytes, jws: bytes, at: datetime) -> Verified:
        """Return the key that signed it, at this time; raises TamperedMessage and UnknownKey."""
        ...

    @property
    def mine(self) -> Verified:
        """The process's own key, as it is trusted; raises ConfigError if it has none."""
        ...

    @property
    def is_development(self) -> bool:
        """Whether no key is configured: then keys prove nothing against who writes to the store."""
        ...

    def learn(self, jwk: Mapping[str, Any]) -> bool:
        """Trust another machine's key of development; returns False where keys are configured: nothing is learnt."""
        ...
