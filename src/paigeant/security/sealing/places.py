"""Places of encryption keys; without cryptography, so that importing loads none."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from paigeant.security.key_sets import KeySet


class Sealed(StrEnum):
    """Kinds of sealed values; one kind does not open as another."""

    GRANT = "paigeant-grant+jwe"
    SECRET = "paigeant-secret+jwe"  # noqa: S105  (a name)


class VaultPlaces(NamedTuple):
    """Places of encryption keys: the process's own and the trusted set, or, without either, a development key.

    ``development`` is the file of a key that is created on first use, None for one in memory.
    """

    namespace: str
    secret_key: Path | None = None
    trust: KeySet | None = None
    development: Path | None = None


class Sealing(Protocol):
    """Seals to keys by their permissions, and opens values sealed to the process's own key."""

    def seal(self, kind: Sealed, plain: bytes, rights: Sequence[str]) -> bytes:
        """Return a text sealed to all keys with one of these permissions, such as ``read:charge``.

        Raises ConfigError if no key has one of the permissions, or more than 16 keys have any; InvalidInput for a text
        over 64 KiB.
        """
        ...

    def require(self, rights: Sequence[str]) -> None:
        """Return if a value can be sealed with these permissions; raises ConfigError as :meth:`seal` does."""
        ...

    def reads(self, right: str) -> bool:
        """True if the process has a valid key with this permission."""
        ...

    def opens(self, kind: Sealed, sealed: bytes) -> bool:
        """True if the value is sealed to the process's key; raises as :meth:`unseal` does."""
        ...

    def unseal(self, kind: Sealed, sealed: bytes) -> bytes:
        """Open a value that is sealed to the process's key.

        Raises ConfigError without a key, and TamperedMessage for a changed value or one for other keys.
        """
        ...
