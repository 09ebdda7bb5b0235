"""The contract of published keys: what processes show of the keys that they sign with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from paigeant.model.custody.keys import PublishedKey, StoredKey


class SigningKeys(ABC):
    """Keeps public halves of keys, each once. It vouches for nothing: whoever reads a key verifies it.

    ``prune`` deletes a key once nobody signs with it any more (its ``until`` is as long ago as the runs that are
    deleted) and every run that is left began after that. Keys without ``until`` stay.
    """

    @abstractmethod
    async def record_keys(self, keys: Sequence[PublishedKey]) -> None:
        """Keep these keys; durable on return. One that is there already stays as it is, whatever is given."""

    @abstractmethod
    async def find_keys(self, kids: Collection[str]) -> list[StoredKey]:
        """Return those of these keys that are there, by ``kid``, in one statement for up to 1,000 of them."""

    @abstractmethod
    async def list_keys(self, *, limit: int = 1_000) -> list[StoredKey]:
        """Return the keys that were kept last, the newest first."""
