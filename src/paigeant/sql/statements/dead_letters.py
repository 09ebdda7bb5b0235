"""Statements of dead letters: stored once each, counted, and limited in number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta
from itertools import accumulate
from typing import Any, Final, TypeAlias

from sqlalchemy import Row, bindparam, delete, func, select, update

from paigeant.errors import UnknownLetter
from paigeant.model.stored.dead_letters import (
    LETTERS,
    LETTERS_BYTES,
    PAGE_BYTES,
    DeadLetter,
    Flaw,
    LetterPage,
    RejectedMessage,
)
from paigeant.model.stored.pages import read_place
from paigeant.model.stored.words import read_word
from paigeant.sql.execution.transaction import Tx, chunks
from paigeant.sql.schema.installation import dead_letters
from paigeant.sql.schema.tables import Columns

_Place: TypeAlias = tuple[str, bytes]
"""Unique key of a letter: topic and digest."""

letters: Columns = dead_letters.c
_NAMESPACE: Final = letters.namespace == bindparam("namespace")
_LARGEST: Final = 2**63
"""Higher than any generated id."""

_KNOWN: Final = select(letters.topic, letters.digest).where(
    _NAMESPACE, letters.digest.in_(bindparam("digests", expanding=True))
)
_BYTES: Final = func.length(letters.body)
"""Size of a body, without reading it."""

_HOW_MANY: Final = select(func.count().label("letters"), func.coalesce(func.sum(_BYTES), 0).label("bytes")).where(
    _NAMESPACE
)
_OLD: Final = _NAMESPACE & (letters.seen_at <= bindparam("latest"))
_COUNT: Final = select(func.count()).select_from(dead_letters).where(_OLD)
_DROP: Final = delete(dead_letters).where(_OLD)
_AGAIN: Final = (
    update(dead_letters)
    .where(
        letters.namespace == bindparam("b_namespace"),
        letters.topic == bindparam("b_topic"),
        letters.digest == bindparam("b_digest"),
    )
    .values(
        count=letters.count + bindparam("b_count"),
        seen_at=bindparam("b_seen_at"),
        reason=bindparam("b_reason"),
        detail=bindparam("b_detail"),
        message_id=bindparam("b_message_id"),
    )
)
_PLACES: Final = (
    select(letters.id, _BYTES.label("bytes"))
    .where(_NAMESPACE, letters.id < bindparam("before"))
    .order_by(letters.id.desc())
    .limit(bindparam("limit"))
)
_THESE: Final = letters.id.in_(bindparam("ids", expanding=True))
_PAGE: Final = select(dead_letters).where(_NAMESPACE, _THESE).order_by(letters.id.desc())
_ONE: Final = select(dead_letters).where(_NAMESPACE, letters.id == bindparam("id"))


def record(tx: Tx, rejected_messages: Sequence[RejectedMessage]) -> list[bool]:
    """Store messages, as far as there is room; increment the count of existing ones."""
    latest = {(one.topic, one.digest): one for one in rejected_messages}
    counts = Counter((one.topic, one.digest) for one in rejected_messages)
    known = {
        (row.topic, row.digest)
        for part in chunks(sorted({one.digest for one in rejected_messages}))
        for row in tx.rows(_KNOWN, namespace=tx.namespace, digests=part)
    } & latest.keys()
    fresh = [key for key in latest if key not in known]
    if fresh:
        fresh = _that_fit(tx, [(key, len(latest[key].body)) for key in fresh])
    # In order, so that two workers that store the same letters cannot deadlock.
    again = [_again(tx, latest[key], counts[key]) for key in sorted(known)]
    tx.many(_AGAIN, again)
    tx.add(dead_letters, [_row(tx, latest[key], counts[key]) for key in sorted(fresh)])
    kept = known.union(fresh)
    return [(one.topic, one.digest) in kept for one in rejected_messages]


def _that_fit(tx: Tx, sizes: Sequence[tuple[_Place, int]]) -> list[_Place]:
    """Return those for which there is room."""
    [there] = tx.rows(_HOW_MANY, namespace=tx.namespace)
    room, octets, fitting = LETTERS - there.letters, LETTERS_BYTES - there.bytes, list[_Place]()
    for place, size in sizes:
        if len(fitting) < room and size <= octets:
            fitting.append(place)
            octets -= size
    return fitting


def _row(tx: Tx, one: RejectedMessage, count: int) -> dict[str, Any]:
    return {
        "namespace": tx.namespace,
        "topic": one.topic,
        "message_id": one.message_id,
        "reason": one.reason.value,
        "detail": one.detail,
        "body": one.body,
        "size": one.size,
        "digest": one.digest,
        "count": count,
        "created_at": tx.now,
        "seen_at": tx.now,
    }


def _again(tx: Tx, one: RejectedMessage, count: int) -> dict[str, Any]:
    row = _row(tx, one, count)
    return {f"b_{name}": value for name, value in row.items() if name not in {"body", "size", "created_at"}}


def page(tx: Tx, topic: str | None, limit: int, after: str | None) -> LetterPage:
    """Return a page of letters, newest first."""
    statement = _PLACES if topic is None else _PLACES.where(letters.topic == bindparam("topic"))
    place = read_place(after, "dead letters")
    about = {"namespace": tx.namespace, "before": _LARGEST - 1 if place is None else place, "limit": limit + 1}
    places = tx.rows(statement, **about, **({} if topic is None else {"topic": topic}))
    reached = list(accumulate(row.bytes for row in places))
    ids = [row.id for row, all_of_them in zip(places[:limit], reached, strict=False) if all_of_them <= PAGE_BYTES]
    shown = tuple(_letter(row) for part in chunks(ids) for row in tx.rows(_PAGE, namespace=tx.namespace, ids=part))
    return LetterPage(dead_letters=shown, next=str(ids[-1]) if len(ids) < len(places) else None)


def get(tx: Tx, letter_id: int) -> DeadLetter:
    """Return a letter; raises UnknownLetter."""
    rows = tx.rows(_ONE, namespace=tx.namespace, id=letter_id) if 0 < letter_id < _LARGEST else ()
    if not rows:
        raise UnknownLetter(f"no dead letter has the id {letter_id}")
    return _letter(rows[0])


def count(tx: Tx, older_than: timedelta) -> int:
    """Return the number of letters that last arrived longer ago than this."""
    about = {"namespace": tx.namespace, "latest": tx.now - older_than}
    found: int = tx.connection.execute(_COUNT, about).scalar_one()
    return found


def drop(tx: Tx, ids: Collection[int] | None, older_than: timedelta) -> int:
    """Delete letters (these ids, or all) that last arrived longer ago than this."""
    about = {"namespace": tx.namespace, "latest": tx.now - older_than}
    if ids is None:
        return tx.connection.execute(_DROP, about).rowcount
    known = sorted(letter_id for letter_id in set(ids) if 0 < letter_id < _LARGEST)
    return sum(tx.connection.execute(_DROP.where(_THESE), {**about, "ids": part}).rowcount for part in chunks(known))


def _letter(row: Row[Any]) -> DeadLetter:
    reason = read_word(Flaw, row.reason, Flaw.UNREADABLE)
    columns = {name: getattr(row, name) for name in DeadLetter.model_fields}
    return DeadLetter.model_validate(columns | {"reason": reason})
