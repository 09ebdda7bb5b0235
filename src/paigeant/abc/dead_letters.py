"""Contract of dead letters: messages that can neither be executed nor ignored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from datetime import timedelta

from paigeant.model.stored.dead_letters import DeadLetter, LetterPage, RejectedMessage


class DeadLetters(ABC):
    """Stores rejected messages, byte for byte, for a person to inspect."""

    @abstractmethod
    async def record_dead_letters(self, rejected_messages: Sequence[RejectedMessage]) -> list[bool]:
        """Store rejected messages; returns for each, in order, True if it is stored.

        The same bytes for the same topic are one letter, however often they arrive: the letter counts them and shows
        the reason of the last one. Only the head of a body over 1 MiB is stored. The limit is 10,000 letters or 64 MiB:
        further letters are not stored, so that flooding a broker does not fill the store.
        """

    @abstractmethod
    async def list_dead_letters(
        self, *, topic: str | None = None, limit: int = 50, after: str | None = None
    ) -> LetterPage:
        """Return a page of letters, newest first; ``after`` is the ``next`` of the page before.

        A page ends early once its bodies exceed 8 MiB. Raises ``InvalidInput`` for an ``after`` that no page returned.
        """

    @abstractmethod
    async def get_dead_letter(self, letter_id: int) -> DeadLetter:
        """Return a letter; raises ``UnknownLetter``."""

    @abstractmethod
    async def count_dead_letters(self, *, older_than: timedelta = timedelta()) -> int:
        """Return the number of letters that last arrived longer ago than this."""

    @abstractmethod
    async def drop_dead_letters(
        self, ids: Collection[int] | None = None, *, older_than: timedelta = timedelta()
    ) -> int:
        """Delete letters (these ids, or all) that last arrived longer ago than this; returns their number."""
