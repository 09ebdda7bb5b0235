"""Dead letters: kept once each, counted, and bounded in number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, func, select, update

from paigeant.errors import UnknownLetter
from paigeant.model.letters import LETTERS, DeadLetter, LetterPage, Misfit
from paigeant.model.pages import read_place
from paigeant.sql.tables import dead_letters
from paigeant.sql.transaction import Tx, chunks

letters = dead_letters.c
_NAMESPACE: Final = letters.namespace == bindparam("namespace")
_LARGEST: Final = 2**63
"""Beyond any number of a row."""

_KNOWN: Final = select(letters.topic, letters.digest).where(
    _NAMESPACE, letters.digest.in_(bindparam("digests", expanding=True))
)
_HOW_MANY: Final = select(func.count()).select_from(dead_letters).where(_NAMESPACE)
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
_PAGE: Final = (
    select(dead_letters)
    .where(_NAMESPACE, letters.id < bindparam("before"))
    .order_by(letters.id.desc())
    .limit(bindparam("limit"))
)
_ONE: Final = select(dead_letters).where(_NAMESPACE, letters.id == bindparam("id"))
_OLD: Final = delete(dead_letters).where(_NAMESPACE, letters.seen_at <= bindparam("latest"))


def record(tx: Tx, misfits: Sequence[Misfit]) -> list[bool]:
    """Keep messages, as far as there is room; of those that are there already, count once more."""
    latest = {(one.topic, one.digest): one for one in misfits}
    counts = Counter((one.topic, one.digest) for one in misfits)
    known = {
        (row.topic, row.digest)
        for part in chunks(sorted({one.digest for one in misfits}))
        for row in tx.rows(_KNOWN, namespace=tx.namespace, digests=part)
    } & latest.keys()
    fresh = [key for key in latest if key not in known]
    if fresh:
        there: int = tx.connection.execute(_HOW_MANY, {"namespace": tx.namespace}).scalar_one()
        fresh = fresh[: max(0, LETTERS - there)]
    # In order, so that of two workers that keep the same ones neither waits for the other's second.
    again = [_again(tx, latest[key], counts[key]) for key in sorted(known)]
    tx.many(_AGAIN, again)
    tx.add(dead_letters, [_row(tx, latest[key], counts[key]) for key in sorted(fresh)])
    kept = known.union(fresh)
    return [(one.topic, one.digest) in kept for one in misfits]


def _row(tx: Tx, one: Misfit, count: int) -> dict[str, Any]:
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


def _again(tx: Tx, one: Misfit, count: int) -> dict[str, Any]:
    row = _row(tx, one, count)
    return {f"b_{name}": value for name, value in row.items() if name not in {"body", "size", "created_at"}}


def page(tx: Tx, topic: str | None, limit: int, after: str | None) -> LetterPage:
    """Return a page of letters, newest first."""
    statement = _PAGE if topic is None else _PAGE.where(letters.topic == bindparam("topic"))
    place = read_place(after, "dead letters")
    about = {"namespace": tx.namespace, "before": _LARGEST - 1 if place is None else place, "limit": limit + 1}
    rows = tx.rows(statement, **about, **({} if topic is None else {"topic": topic}))
    shown = tuple(_letter(row) for row in rows[:limit])
    return LetterPage(dead_letters=shown, next=str(shown[-1].id) if len(rows) > limit else None)


def get(tx: Tx, letter_id: int) -> DeadLetter:
    """Return a letter; raises UnknownLetter."""
    rows = tx.rows(_ONE, namespace=tx.namespace, id=letter_id) if 0 < letter_id < _LARGEST else ()
    if not rows:
        raise UnknownLetter(f"no dead letter has the id {letter_id}")
    return _letter(rows[0])


def drop(tx: Tx, ids: Collection[int] | None, older_than: timedelta) -> int:
    """Forget letters, those of these ids or all, as far as they came last so long ago."""
    about = {"namespace": tx.namespace, "latest": tx.now - older_than}
    if ids is None:
        return tx.connection.execute(_OLD, about).rowcount
    known = sorted(letter_id for letter_id in set(ids) if 0 < letter_id < _LARGEST)
    these = _OLD.where(letters.id.in_(bindparam("ids", expanding=True)))
    return sum(tx.connection.execute(these, {**about, "ids": part}).rowcount for part in chunks(known))


def _letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter.model_validate(row, from_attributes=True)
