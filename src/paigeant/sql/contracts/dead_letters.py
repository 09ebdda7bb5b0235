"""Dead letters: contract methods over a database."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from paigeant.abc import DeadLetters
from paigeant.aio.changes import News
from paigeant.model.stored.dead_letters import DeadLetter, LetterPage, RejectedMessage
from paigeant.sql.contracts.base import InDatabase
from paigeant.sql.statements import (
    dead_letters,
)


class SqlDeadLetters(InDatabase, DeadLetters):
    """Contract methods over a database."""

    async def record_dead_letters(self, rejected_messages: Sequence[RejectedMessage]) -> list[bool]:
        return await self.database.write(lambda tx: dead_letters.record(tx, rejected_messages), News.NOTHING)

    async def list_dead_letters(
        self, *, topic: str | None = None, limit: int = 50, after: str | None = None
    ) -> LetterPage:
        return await self.database.read(lambda tx: dead_letters.page(tx, topic, limit, after))

    async def get_dead_letter(self, letter_id: int) -> DeadLetter:
        return await self.database.read(lambda tx: dead_letters.get(tx, letter_id))

    async def count_dead_letters(self, *, older_than: timedelta = timedelta()) -> int:
        return await self.database.read(lambda tx: dead_letters.count(tx, older_than))

    async def drop_dead_letters(
        self, ids: Collection[int] | None = None, *, older_than: timedelta = timedelta()
    ) -> int:
        return await self.database.write(lambda tx: dead_letters.drop(tx, ids, older_than), News.NOTHING)
