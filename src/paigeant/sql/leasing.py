"""Leases: who may run which twin, and for how long."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Executable, Row, and_, bindparam, func, select, union_all, update

from paigeant.model.hops import Grant, Held, Pulse, Sealed
from paigeant.model.message import HopKey
from paigeant.model.runs import Direction, RunStatus, StepStatus
from paigeant.sql.hops import GRACE, HOP, OPEN, THIS_HOP, bound, grant_of, key_of, records, steps, wish_of
from paigeant.sql.keys import IS_ASKED, asked, keys_of
from paigeant.sql.tables import messages, step_executions, workflow_runs
from paigeant.sql.transaction import Tx

_AGAIN: Final = timedelta(seconds=3)
_SELDOM: Final = timedelta(minutes=5)

runs = workflow_runs.c
_NAMESPACE: Final = steps.namespace == bindparam("namespace")
_DUE: Final = steps.due_at <= bindparam("now")
_SAME_HOP: Final = and_(
    messages.c.workflow_id == steps.workflow_id,
    messages.c.path == steps.path,
    messages.c.position == steps.position,
)
_LEASABLE: Final = (
    select(
        *HOP,
        *(steps.topic, steps.fence, steps.attempt, steps.owner, steps.undoes),
        *(steps.namespace, steps.completed_at, steps.due_at),
        *(messages.c.body, messages.c.digest),
        *(runs.status.label("run_status"), runs.started_at.label("run_started_at")),
        *(runs.cancel_requested, runs.deadline),
    )
    .join_from(step_executions, messages, _SAME_HOP)
    .join(workflow_runs, runs.workflow_id == steps.workflow_id)
    .with_for_update(of=[step_executions, workflow_runs], skip_locked=True)
)
_ANNOUNCED: Final = _LEASABLE.join(asked, IS_ASKED)
"""All that were asked for; which of them may be leased is decided outside, or SQLite would walk along the queue."""

_TO_CLOSE: Final = (
    runs.namespace == bindparam("namespace"),
    runs.completed_at.is_(None),
    runs.closes_at.is_not(None),
    runs.closes_at <= bindparam("now"),
)
_CLOSING: Final = (
    _LEASABLE.where(
        *_TO_CLOSE,
        OPEN,
        steps.direction == Direction.EXECUTE.value,
        steps.owner.is_(None) | _DUE,
    )
    .order_by(runs.closes_at, *HOP)
    .limit(bindparam("limit"))
)
_TAKE: Final = (
    update(step_executions)
    .where(THIS_HOP, steps.fence == bindparam("b_fence"))
    .values(
        fence=steps.fence + 1,
        attempt=steps.attempt + 1,
        status=StepStatus.RUNNING.value,
        reason=None,
        owner=bindparam("b_owner"),
        worker=bindparam("b_owner"),
        started_at=bindparam("b_now"),
        due_at=bindparam("b_due_at"),
        hint_at=bindparam("b_hint_at"),
    )
)
_RUNNING: Final = (
    update(workflow_runs)
    .where(runs.workflow_id == bindparam("b_workflow_id"))
    .values(
        status=RunStatus.RUNNING.value,
        reason=None,
        started_at=func.coalesce(runs.started_at, bindparam("b_now", type_=runs.started_at.type)),
    )
)
_HELD: Final = (
    select(*HOP, steps.fence, steps.owner, steps.completed_at, steps.attempt, runs.cancel_requested)
    .join_from(asked, step_executions, IS_ASKED)
    .join(workflow_runs, runs.workflow_id == steps.workflow_id)
    .where(_NAMESPACE)
    .with_for_update(of=step_executions)
)
_RENEW: Final = (
    update(step_executions).where(THIS_HOP).values(due_at=bindparam("b_due_at"), hint_at=bindparam("b_hint_at"))
)
_RELEASE: Final = (
    update(step_executions)
    .where(THIS_HOP)
    .values(
        fence=steps.fence + 1,
        attempt=steps.attempt - 1,
        status=StepStatus.PENDING.value,
        owner=None,
        due_at=bindparam("b_due_at"),
        hint_at=bindparam("b_due_at"),
        hints=0,
    )
)
_END_LEASES: Final = (
    update(step_executions)
    .where(OPEN, steps.owner == bindparam("b_owner"), steps.due_at > bindparam("b_due_at"))
    .values(due_at=bindparam("b_due_at"), hint_at=bindparam("b_due_at"))
)
_SILENT: Final = (
    select(*HOP, steps.topic, steps.hints, messages.c.body)
    .join_from(step_executions, messages, _SAME_HOP)
    .where(_NAMESPACE, OPEN, _DUE, steps.hint_at <= bindparam("now"))
    .order_by(steps.hint_at, *HOP)
    .limit(bindparam("limit"))
    .with_for_update(of=step_executions, skip_locked=True)
)
_ANY_CLOSING: Final = select(runs.number).where(*_TO_CLOSE).limit(1)
_ANY_SILENT: Final = select(steps.position).where(_NAMESPACE, OPEN, _DUE, steps.hint_at <= bindparam("now")).limit(1)
_HINT: Final = update(step_executions).where(THIS_HOP).values(hints=steps.hints + 1, hint_at=bindparam("b_hint_at"))


@cache
def _due_of(topics: int) -> Executable:
    """Return the query of due twins of so many topics.

    A topic at a time, so that each is a walk along the index that ends at the limit, however long the queues are.
    """
    parts = [
        select(steps.workflow_id, steps.path, steps.position, steps.due_at)
        .where(_NAMESPACE, steps.topic == bindparam(f"topic_{n}"), OPEN, _DUE)
        .order_by(steps.due_at)
        .limit(bindparam("limit"))
        .subquery(f"due_{n}")
        for n in range(topics)
    ]
    due = union_all(*(select(part) for part in parts)).subquery("due")
    first = select(due).order_by(due.c.due_at, due.c.workflow_id, due.c.path, due.c.position).limit(bindparam("limit"))
    queue = first.subquery("queue")
    this = and_(
        queue.c.workflow_id == steps.workflow_id, queue.c.path == steps.path, queue.c.position == steps.position
    )
    return _LEASABLE.join(queue, this).order_by(queue.c.due_at, *HOP)


@cache
def _next_due_of(topics: int) -> Executable:
    """Return the query of when the next twin of so many topics is due."""
    parts = [
        select(func.min(steps.due_at).label("due_at")).where(_NAMESPACE, steps.topic == bindparam(f"topic_{n}"), OPEN)
        for n in range(topics)
    ]
    due = union_all(*parts).subquery("due")
    return select(func.min(due.c.due_at, type_=steps.due_at.type))


def pick(tx: Tx, owner: str, topics: Collection[str], limit: int, lease: timedelta) -> list[Grant]:
    """Lease due twins of these topics, the one due longest first."""
    if not topics or limit < 1:
        return []
    rows = tx.rows(_due_of(len(topics)), namespace=tx.namespace, now=tx.now, limit=limit, **_named(topics))
    return _take(tx, rows, owner, lease)


def lease_announced(tx: Tx, owner: str, notices: Sequence[tuple[HopKey, bytes]], lease: timedelta) -> list[Grant]:
    """Lease those of the announced twins that are due and are what was announced."""
    digests = dict(notices)
    rows = tx.rows(_ANNOUNCED, keys=keys_of(digests))
    good = [row for row in rows if row.digest == digests[key_of(row)] and _due(tx, row)]
    return _take(tx, good, owner, lease)


def _due(tx: Tx, row: Row[Any]) -> bool:
    """The row is of this namespace, not behind, and its time has come."""
    return (
        row.namespace == tx.namespace and row.completed_at is None and row.due_at is not None and row.due_at <= tx.now
    )


def lease_closing(tx: Tx, owner: str, limit: int, lease: timedelta) -> list[Grant]:
    """Lease twins on the way forward, due or not, of runs that are to end, and that nobody runs."""
    return _take(tx, tx.rows(_CLOSING, namespace=tx.namespace, now=tx.now, limit=limit), owner, lease)


def _take(tx: Tx, rows: Sequence[Row[Any]], owner: str, lease: timedelta) -> list[Grant]:
    """Lease the twins of these rows to this owner, and say that their runs are running."""
    ends_at = tx.now + lease
    shared = {"b_owner": owner, "b_now": tx.now, "b_due_at": ends_at, "b_hint_at": ends_at + GRACE}
    tx.many(_TAKE, [{**bound(key_of(row)), "b_fence": row.fence, **shared} for row in rows])
    still = [row for row in rows if row.run_status != RunStatus.RUNNING.value or row.run_started_at is None]
    tx.many(_RUNNING, [{"b_workflow_id": row.workflow_id, "b_now": tx.now} for row in still])
    undone = {key_of(row): key_of(row)._replace(position=row.undoes) for row in rows if row.undoes is not None}
    known = records(tx, undone.values()) if undone else {}
    return [
        grant_of(tx, row, known.get(undone.get(key_of(row), key_of(row))), fence=row.fence + 1, attempt=row.attempt + 1)
        for row in rows
    ]


def beat(tx: Tx, held: Sequence[Held], lease: timedelta) -> list[Pulse]:
    """Renew leases from now on. One that has run out and that nobody took over lives again."""
    rows = _find(tx, held)
    pulses = [Pulse(one, _alive(rows.get(one.key), one), _wish(rows.get(one.key))) for one in held]
    ends_at = tx.now + lease
    shared = {"b_due_at": ends_at, "b_hint_at": ends_at + GRACE}
    tx.many(_RENEW, [{**bound(pulse.held.key), **shared} for pulse in pulses if pulse.alive])
    return pulses


def release(tx: Tx, held: Sequence[Held]) -> None:
    """Give leases back unused."""
    rows = _find(tx, held)
    alive = [one for one in held if _alive(rows.get(one.key), one)]
    tx.many(_RELEASE, [{**bound(one.key), "b_due_at": tx.now} for one in alive])


def _find(tx: Tx, held: Sequence[Held]) -> dict[HopKey, Row[Any]]:
    found = tx.rows(_HELD, keys=keys_of(one.key for one in held), namespace=tx.namespace)
    return {key_of(row): row for row in found}


def _alive(row: Row[Any] | None, one: Held) -> bool:
    """The fence shown is that of the lease that nobody has taken over yet."""
    return row is not None and row.completed_at is None and row.owner is not None and row.fence == one.fence


def _wish(row: Row[Any] | None) -> Any:
    return None if row is None else wish_of(row.cancel_requested)


def end_leases(tx: Tx, owner: str) -> int:
    """Let the leases of a dead owner be over, in every namespace; who takes them over learns of the interruption."""
    return tx.connection.execute(_END_LEASES, {"b_owner": owner, "b_due_at": tx.now}).rowcount


def announce(tx: Tx, limit: int) -> list[Sealed]:
    """Return the messages of due twins whose announcement is due, and push the next one away."""
    rows = tx.rows(_SILENT, namespace=tx.namespace, now=tx.now, limit=limit)
    tx.many(_HINT, [{**bound(key_of(row)), "b_hint_at": tx.now + _next_hint(row.hints)} for row in rows])
    return [Sealed(key_of(row).message_id, row.topic, row.body) for row in rows]


def _next_hint(hints: int) -> timedelta:
    return min(_AGAIN * 2 ** min(hints, 10), _SELDOM)


def due_in(tx: Tx, topics: Collection[str]) -> float | None:
    """Return in how many seconds the next twin of these topics is due, None if none is going to be."""
    if not topics:
        return None
    about = {"namespace": tx.namespace, **_named(topics)}
    due_at = tx.connection.execute(_next_due_of(len(topics)), about).scalar_one_or_none()
    return None if due_at is None else (due_at - tx.now).total_seconds()


def anything_closing(tx: Tx) -> bool:
    """Whether :func:`lease_closing` may find something; asked often, so that it is not asked for nothing."""
    return bool(tx.rows(_ANY_CLOSING, namespace=tx.namespace, now=tx.now))


def anything_silent(tx: Tx) -> bool:
    """Whether :func:`announce` may find something."""
    return bool(tx.rows(_ANY_SILENT, namespace=tx.namespace, now=tx.now))


def _named(topics: Collection[str]) -> dict[str, str]:
    return {f"topic_{n}": topic for n, topic in enumerate(topics)}
