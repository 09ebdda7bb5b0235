"""Queue depths and counts of open hops. No number reads more than 10,001 entries of an index."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, ScalarSelect, bindparam, func, literal, select, union_all

from paigeant.model.entries.entry import FLOW
from paigeant.model.stored.overview import COUNTED, OpenCount, QueueView
from paigeant.protocol.queues import with_workers
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.installation import activities
from paigeant.sql.schema.tables import Columns, step_executions
from paigeant.sql.schema.types import StoreTime
from paigeant.sql.statements.catalog import list_workers

steps: Columns = step_executions.c
_NOW: Final = bindparam("now", type_=StoreTime())
_OPEN: Final = steps.completed_at.is_(None)
_NAMESPACE: Final[BindParameter[str]] = bindparam("namespace")
_TOPICS: Final = union_all(
    select(literal(FLOW).label("name")), select(activities.c.name).where(activities.c.namespace == _NAMESPACE)
).subquery("topics")
_IN_QUEUE: Final = (steps.namespace == _NAMESPACE, steps.step == _TOPICS.c.name, _OPEN)


def _count(*conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    """Return the number of open hops of the activity, up to 10,001."""
    found = select(literal(1).label("one")).where(*_IN_QUEUE, *conditions).limit(COUNTED).correlate(_TOPICS)
    return select(func.count()).select_from(found.subquery()).scalar_subquery()


def _first(*conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    """Return the due time of the first open hop of the activity."""
    found = select(steps.due_at).where(*_IN_QUEUE, *conditions).order_by(steps.due_at).limit(1)
    return found.correlate(_TOPICS).scalar_subquery()


_QUEUES: Final = select(
    _TOPICS.c.name,
    _count(steps.due_at <= _NOW).label("due"),
    _first(steps.due_at.is_not(None)).label("first_due_at"),
    _count(steps.due_at > _NOW, steps.owner.is_not(None)).label("running"),
    _first(steps.due_at > _NOW, steps.owner.is_(None)).label("next_due_at"),
).order_by(_TOPICS.c.name)

_SEEN: Final = (
    select(steps.status, steps.reason)
    .where(steps.namespace == _NAMESPACE, _OPEN)
    .order_by(steps.step, steps.due_at)
    .limit(COUNTED)
    .subquery()
)
_COUNTS: Final = (
    select(_SEEN.c.status, _SEEN.c.reason, func.count().label("count"))
    .group_by(_SEEN.c.status, _SEEN.c.reason)
    .order_by(_SEEN.c.status, _SEEN.c.reason)
)


def list_queues(tx: Tx, gone: Collection[str]) -> list[QueueView]:
    """Return the queue of each published activity, and that of the nodes."""
    rows = tx.rows(_QUEUES, namespace=tx.namespace, now=tx.now)
    queues = [
        QueueView(
            activity=row.name,
            due=row.due,
            oldest=(tx.now - row.first_due_at).total_seconds() if row.due else None,
            due_since=row.first_due_at if row.due else None,
            running=row.running,
            next_due_in=tx.until(row.next_due_at),
        )
        for row in rows
    ]
    return with_workers(queues, list_workers(tx, gone))


def count_open(tx: Tx) -> list[OpenCount]:
    """Return the number of open hops by status and reason."""
    rows = tx.rows(_COUNTS, namespace=tx.namespace)
    return [OpenCount(status=row.status, reason=row.reason, count=row.count) for row in rows]
