"""Contract of secrets: values that only permitted keys can open."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from paigeant.model.secrecy.secrets import OpenedSecret, SecretOrigin


class SecretBox(ABC):
    """Seals values to the keys that may read them, and opens values sealed to the key of this process.

    No error text contains the clear text.
    """

    @abstractmethod
    def seal(self, origin: SecretOrigin, json: bytes, readers: Sequence[str]) -> bytes:
        """Seal a value, with its origin, to all keys that may read for at least one of these activities.

        Raises ``ConfigError`` if no key may read for one of the activities, or more than 16 keys may, and
        ``InvalidInput`` for a value over 64 KiB.
        """

    @abstractmethod
    def require(self, readers: Sequence[str]) -> None:
        """Return if a value can be sealed for these activities; raises ``ConfigError`` if not."""

    @abstractmethod
    def reads(self, activity: str) -> bool:
        """True if secrets that an activity's steps may read are sealed to the key of this process too."""

    @abstractmethod
    def opens(self, sealed: bytes) -> bool:
        """True if the value is sealed to the key of this process; raises ``TamperedMessage`` if it is not sealed."""

    @abstractmethod
    def open(self, sealed: bytes) -> OpenedSecret:
        """Open a sealed value; returns it with its origin, which the caller compares.

        Raises ``UnreadableSecret`` if this process has no key that opens it, and ``TamperedMessage`` for a value that
        was changed.
        """
