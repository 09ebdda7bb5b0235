"""Contract of published keys: the public halves of the keys that processes sign with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from paigeant.model.custody.keys import PublishedKey, StoredKey


class SigningKeys(ABC):
    """Stores public keys, each once. It does not vouch for them: the reader of a key verifies it.

    ``prune`` deletes a key once nobody signs with it any more (its ``until`` is longer ago than the age of deleted
    runs) and every remaining run began after that. Keys without ``until`` stay.
    """

    @abstractmethod
    async def record_keys(self, keys: Sequence[PublishedKey]) -> None:
        """Store these keys; durable on return. A key that exists stays as it is, whatever is given."""

    @abstractmethod
    async def find_keys(self, kids: Collection[str]) -> list[StoredKey]:
        """Return the stored keys with these ids, by ``kid``, in one statement for up to 1,000 of them."""

    @abstractmethod
    async def list_keys(self, *, limit: int = 1_000) -> list[StoredKey]:
        """Return the most recently stored keys, newest first."""
