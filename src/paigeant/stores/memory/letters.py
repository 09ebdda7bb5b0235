"""Dead letters in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from itertools import accumulate

from paigeant.errors import UnknownLetter
from paigeant.model.stored.dead_letters import (
    LETTERS,
    LETTERS_BYTES,
    PAGE_BYTES,
    DeadLetter,
    LetterPage,
    RejectedMessage,
)
from paigeant.model.stored.pages import read_place
from paigeant.stores.memory.rows import Rows


def record(rows: Rows, rejected_messages: Sequence[RejectedMessage]) -> list[bool]:
    """Store messages, as far as there is room; increment the count of existing ones."""
    size, kept = sum(len(letter.body) for letter in rows.letters.values()), list[bool]()
    for one in rejected_messages:
        known = rows.letters.get((one.topic, one.digest))
        more = len(one.body) if known is None else 0
        kept.append(known is not None or (len(rows.letters) < LETTERS and size + more <= LETTERS_BYTES))
        if kept[-1]:
            size += more
            _keep(rows, one, known)
    return kept


def _keep(rows: Rows, one: RejectedMessage, known: DeadLetter | None) -> None:
    place, now = (one.topic, one.digest), rows.clock()
    rows.letters[place] = DeadLetter(
        id=rows.next_number() if known is None else known.id,
        topic=one.topic,
        message_id=one.message_id,
        reason=one.reason,
        detail=one.detail,
        size=one.size,
        count=1 if known is None else known.count + 1,
        created_at=now if known is None else known.created_at,
        seen_at=now,
        body=one.body,
    )


def page(rows: Rows, topic: str | None, limit: int, after: str | None) -> LetterPage:
    """Return a page of letters, newest first."""
    before = read_place(after, "dead letters")
    found = [
        letter
        for letter in sorted(rows.letters.values(), key=lambda letter: -letter.id)
        if (topic is None or letter.topic == topic) and (before is None or letter.id < before)
    ]
    reached = accumulate(len(letter.body) for letter in found[:limit])
    shown = tuple(letter for letter, more in zip(found[:limit], reached, strict=True) if more <= PAGE_BYTES)
    return LetterPage(dead_letters=shown, next=str(shown[-1].id) if len(shown) < len(found) else None)


def get(rows: Rows, letter_id: int) -> DeadLetter:
    """Return a letter; raises UnknownLetter."""
    for letter in rows.letters.values():
        if letter.id == letter_id:
            return letter
    raise UnknownLetter(f"no dead letter has the id {letter_id}")


def count(rows: Rows, older_than: timedelta) -> int:
    """Return the number of letters that last arrived longer ago than this."""
    return len(_old(rows, older_than))


def drop(rows: Rows, ids: Collection[int] | None, older_than: timedelta) -> int:
    """Delete letters (these ids, or all) that last arrived longer ago than this."""
    going = [place for place, letter in _old(rows, older_than).items() if ids is None or letter.id in ids]
    for place in going:
        del rows.letters[place]
    return len(going)


def _old(rows: Rows, older_than: timedelta) -> dict[tuple[str, bytes], DeadLetter]:
    latest = rows.clock() - older_than
    return {place: letter for place, letter in rows.letters.items() if letter.seen_at <= latest}
