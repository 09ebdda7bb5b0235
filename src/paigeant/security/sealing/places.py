"""Where the keys are that open what is sealed; without any cryptography, so that it loads none."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from paigeant.security.key_sets import KeySet


class Sealed(StrEnum):
    """What is sealed; something sealed as another does not open."""

    GRANT = "paigeant-grant+jwe"
    SECRET = "paigeant-secret+jwe"  # noqa: S105  (a name)


class VaultPlaces(NamedTuple):
    """Where keys are: the process's own and the set of all that are trusted, or, without either, of development.

    ``development`` is the file of a key that is made on first need, None for one in memory.
    """

    namespace: str
    secret_key: Path | None = None
    trust: KeySet | None = None
    development: Path | None = None


class Sealing(Protocol):
    """Seals to keys by what they may read, and opens what is sealed to the process's own."""

    def seal(self, kind: Sealed, plain: bytes, rights: Sequence[str]) -> bytes:
        """Return a text sealed to all keys that have one of these rights, as ``read:charge``.

        Raises ConfigError if there is a right that no key has, or more than 16 keys have any; InvalidInput for a text
        over 64 KiB.
        """
        ...

    def require(self, rights: Sequence[str]) -> None:
        """Return if something can be sealed to keys with these rights; raises ConfigError as :meth:`seal` does."""
        ...

    def reads(self, right: str) -> bool:
        """Tell whether the process has a key with this right, that something is sealed to now."""
        ...

    def opens(self, kind: Sealed, sealed: bytes) -> bool:
        """Tell whether something is sealed to the process's key; raises as :meth:`unseal` does."""
        ...

    def unseal(self, kind: Sealed, sealed: bytes) -> bytes:
        """Return what is sealed to the process's key.

        Raises ConfigError if it has none, and TamperedMessage for what is sealed to others, or was changed.
        """
        ...
