"""Purposes of signatures, and the interface of keys; without cryptography, so that importing loads none."""

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
"""Permission to adopt unsigned runs; it applies to all workflows."""


class Purpose(StrEnum):
    """Purpose of a signature; it is invalid for any other purpose."""

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
    """Places of keys: the process's own and the trusted ones, or, without either, development keys.

    ``development`` is the file of a key that is created on first use, None for one in memory; in ``production``
    development keys of other machines do not count. A ``signer``, instead of a ``signing_key``, vouches for a key in
    memory.
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
        """Issuer name of the key."""
        ...

    @property
    def is_compromised(self) -> bool:
        """True if it may be stolen: its signatures count only if a record of another key follows."""
        ...

    def may(self, right: str) -> bool:
        """True if it has this permission, such as ``step:pay``."""
        ...


class Keys(Protocol):
    """Keys of a process."""

    async def prepare(self, keep: KeepKeys, *rights: str) -> None:
        """Return once this process can sign with these rights, as far as a signer must vouch for it.

        ``keep`` stores a key that is unknown to others before it is used. Raises ConfigError and Unavailable.
        """
        ...

    def strangers(self, signatures: Iterable[bytes]) -> list[str]:
        """Return the ids of unknown keys in these signatures, except those returned a moment ago."""
        ...

    def introduce(self, keys: Iterable[PublishedKey]) -> None:
        """Trust keys that prove themselves; ignore others."""
        ...

    def sign(self, purpose: Purpose, text: bytes) -> bytes:
        """Return the detached JWS of this process over a text; raises ConfigError without a key.

        Raises Unavailable if its signer has not vouched for one yet, or not for the present time.
        """
        ...

    @property
    def voucher(self) -> PublishedKey | None:
        """Voucher of the present signing key, None for a key in the key set or a development key."""
        ...

    def verify(self, purpose: Purpose, text: bytes, jws: bytes, at: datetime) -> Verified:
        """Return the signing key, if it was valid at this time, by the store's clock.

        Raises TamperedMessage, RevokedKey and UnknownKey.
        """
        ...

    def is_past(self, jws: bytes, at: datetime) -> bool:
        """True if a signature by this key at this time does not count any more."""
        ...

    @property
    def mine(self) -> Verified:
        """The process's own key, as it is trusted; raises ConfigError without one."""
        ...

    def mine_for(self, what: str) -> Verified:
        """Return the process's own key; raises ConfigError, naming the thing to sign, without one."""
        ...

    @property
    def version(self) -> int:
        """Number of times that keys were read: earlier verifications may depend on a key revoked since."""
        ...

    @property
    def is_development(self) -> bool:
        """True if no key is configured: keys then prove nothing against writers to the store."""
        ...
