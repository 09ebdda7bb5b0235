"""The contract for what came and can be neither executed nor passed over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from datetime import timedelta

from paigeant.model.stored.dead_letters import DeadLetter, LetterPage, RejectedMessage


class DeadLetters(ABC):
    """Keeps messages that are not what the store recorded, as they came, for a person to look at."""

    @abstractmethod
    async def record_dead_letters(self, rejected_messages: Sequence[RejectedMessage]) -> list[bool]:
        """Keep messages, and say of each, in order, whether it is kept.

        The same bytes for the same topic are one letter, however often they come: it counts them, and shows what was
        said of the last one. Of bodies over 1 MiB the head is kept. Once 10,000 letters lie there, or 64 MiB, further
        ones are not kept, so that who floods a broker does not fill the store.
        """

    @abstractmethod
    async def list_dead_letters(
        self, *, topic: str | None = None, limit: int = 50, after: str | None = None
    ) -> LetterPage:
        """Return a page of letters, newest first; ``after`` is the ``next`` of the page before.

        It ends early where the bodies come to more than 8 MiB. Raises ``InvalidInput`` for an ``after`` that no page
        said.
        """

    @abstractmethod
    async def get_dead_letter(self, letter_id: int) -> DeadLetter:
        """Return a letter; raises ``UnknownLetter``."""

    @abstractmethod
    async def count_dead_letters(self, *, older_than: timedelta = timedelta()) -> int:
        """Return how many letters came last so long ago."""

    @abstractmethod
    async def drop_dead_letters(
        self, ids: Collection[int] | None = None, *, older_than: timedelta = timedelta()
    ) -> int:
        """Forget letters, those of these ids or all, as far as they came last so long ago; returns how many."""
