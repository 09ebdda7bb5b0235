"""What signatures are for, and who makes and verifies them; without any cryptography, so that it loads none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from paigeant.abc.codec import KeepKeys
from paigeant.abc.custody.signer import Signer
from paigeant.model.custody.keys import PublishedKey
from paigeant.security.key_sets import KeySet

ADOPT: Final = "adopt"
"""The right to vouch for runs that began unsigned, which has no name."""


class Purpose(StrEnum):
    """What a signature is for; one for another purpose is none."""

    RECORD = "paigeant-record+jws"
    DEED = "paigeant-deed+jws"
    EVIDENCE = "paigeant-evidence+jws"
    VOUCHER = "paigeant-voucher+jws"
    NOTE = "paigeant-note+jws"
    PUBLICATION = "paigeant-publication+jws"


def utc_now() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


class KeyPlaces(NamedTuple):
    """Where keys are: of the process's own and of those that it trusts, or, without either, of development.

    ``development`` is the file of a key that is made on first need, None for one in memory; in ``production`` those of
    other machines count for nothing. A ``signer``, in the place of a ``signing_key``, vouches for one in memory.
    """

    namespace: str
    signing_key: Path | None = None
    trust: KeySet | None = None
    development: Path | None = None
    signer: Callable[[], Signer] | None = None
    production: bool = False
    now: Callable[[], datetime] = utc_now


class Verified(Protocol):
    """A key whose signature was verified."""

    @property
    def iss(self) -> str:
        """Whose key it is."""
        ...

    @property
    def is_compromised(self) -> bool:
        """Whether somebody else may have it: what it signed counts only if a record of another key follows."""
        ...

    def may(self, right: str) -> bool:
        """Tell whether it may do this, as ``step:pay``."""
        ...


class Keys(Protocol):
    """The keys of a process."""

    async def prepare(self, keep: KeepKeys, *rights: str) -> None:
        """Return once this process can sign what these are the rights to, as far as a signer vouches for it.

        A key that others do not know yet is written by ``keep`` before it is used. Raises ConfigError and Unavailable.
        """
        ...

    def strangers(self, signatures: Iterable[bytes]) -> list[str]:
        """Return the ids of keys that have signed this, are not known here, and were not asked for a moment ago."""
        ...

    def introduce(self, keys: Iterable[PublishedKey]) -> None:
        """Trust keys as far as they prove themselves; the rest counts for nothing."""
        ...

    def sign(self, purpose: Purpose, text: bytes) -> bytes:
        """Return the detached JWS of this process over a text; raises ConfigError if it has no key.

        Raises Unavailable if its signer has vouched for none yet, or not for now.
        """
        ...

    @property
    def voucher(self) -> PublishedKey | None:
        """The voucher of the key that signs now, None if that is in the key set, or one of development."""
        ...

    def verify(self, purpose: Purpose, text: bytes, jws: bytes, at: datetime) -> Verified:
        """Return the key that signed it, if it was good at this time, by the store's clock.

        Raises TamperedMessage, RevokedKey and UnknownKey.
        """
        ...

    def is_past(self, jws: bytes, at: datetime) -> bool:
        """Tell whether what this key signs does not count any more at this time."""
        ...

    @property
    def mine(self) -> Verified:
        """The process's own key, as it is trusted; raises ConfigError if it has none."""
        ...

    def mine_for(self, what: str) -> Verified:
        """Return the process's own key; raises ConfigError, which says what is signed, if it has none."""
        ...

    @property
    def version(self) -> int:
        """How often keys were read again: what was verified before may rest on one that is revoked now."""
        ...

    @property
    def is_development(self) -> bool:
        """Whether no key is configured: then keys prove nothing against who writes to the store."""
        ...
