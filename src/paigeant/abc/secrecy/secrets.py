"""The contract of secrets in data: sealed to those who may read them, by whoever makes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from paigeant.model.secrecy.secrets import OpenedSecret, SecretOrigin


class SecretBox(ABC):
    """Seals values to the keys that may read them, and opens what is sealed to the key of this process.

    The clear text is in no error that it raises.
    """

    @abstractmethod
    def seal(self, origin: SecretOrigin, json: bytes, readers: Sequence[str]) -> bytes:
        """Return a value sealed, with its origin, to all keys that may read for one of these activities.

        Raises ``ConfigError`` if there is an activity that no key may read for, or more than 16 keys may, and
        ``InvalidInput`` for a value over 64 KiB.
        """

    @abstractmethod
    def require(self, readers: Sequence[str]) -> None:
        """Return if something can be sealed for these activities; raises ``ConfigError``."""

    @abstractmethod
    def reads(self, activity: str) -> bool:
        """Tell whether what steps of an activity may read is sealed to the key of this process too."""

    @abstractmethod
    def opens(self, sealed: bytes) -> bool:
        """Tell whether something is sealed to the key of this process; raises ``TamperedMessage`` for what is none."""

    @abstractmethod
    def open(self, sealed: bytes) -> OpenedSecret:
        """Return what is sealed, and its origin, which is for the caller to compare.

        Raises ``UnreadableSecret`` without a key that opens it, and ``TamperedMessage`` for what was changed.
        """
