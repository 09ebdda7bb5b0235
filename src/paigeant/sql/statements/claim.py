"""Statements of leases: claims of due, announced, overdue and fitting hops."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, Final, assert_never

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Subquery,
    and_,
    bindparam,
    literal_column,
    or_,
    select,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy.types import NULLTYPE

from paigeant.model.hops import Grant
from paigeant.model.limits import SUSPECT, SUSPECT_PAUSE
from paigeant.model.message import HopKey
from paigeant.model.runs import Direction
from paigeant.model.stored.claims import Announced, Claim, Due, Fitting, HeldInterface, Overdue
from paigeant.protocol import leases, notice
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of, list_of, one_of, unindexed
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.statements.hops import (
    HOP,
    OPEN,
    THIS_HOP,
    bound,
    changed,
    changing,
    details,
    grant_of,
    key_of,
    records,
    steps,
    undone_by,
)
from paigeant.sql.statements.run_status import FIRST_START

TOPICS: Final = 100
"""Limit of topics in one statement: databases limit its parts."""

runs: Columns = workflow_runs.c
NAMESPACE: Final = steps.namespace == bindparam("namespace")
_DUE: Final = steps.due_at <= bindparam("now")
LEASABLE: Final = (
    select(
        *HOP,
        *(steps.step, steps.fence, steps.attempt, steps.interruptions, steps.owner),
        *(type_coerce(steps.step_id, NULLTYPE).label("step_id"), steps.undoes_path, steps.undoes_position),
        *(steps.namespace, steps.direction, steps.completed_at, steps.due_at, steps.accepted, steps.wait, steps.head),
        steps.epoch,
        *(steps.reason, steps.closes, steps.started_at),
        *(steps.body, steps.digest),
        *(runs.started_at.label("run_started_at"), runs.cancel_requested, runs.closing, runs.deadline, runs.edited),
    )
    .join_from(step_executions, workflow_runs, runs.workflow_id == steps.workflow_id)
    .with_for_update(of=[step_executions, workflow_runs], skip_locked=True)
)
"""Step id without conversion: an unreadable one must not make the whole query fail."""

_INTERRUPTED: Final = steps.interruptions > literal_column("0")
"""Literal as in the partial index, which a parameter would not match."""

SUSPECT_HOP: Final = _INTERRUPTED & ((steps.interruptions >= SUSPECT) | steps.owner.is_not(None))
_SUSPECTS: Final = PreparedStatement(
    LEASABLE.where(NAMESPACE, OPEN, SUSPECT_HOP, _DUE, one_of(steps.step, "topics"))
    .order_by(steps.due_at, *HOP)
    .limit(bindparam("limit"))
)
_HELD_SUSPECTS: Final = PreparedStatement(
    select(steps.owner, steps.interruptions, steps.due_at, steps.completed_at)
    .where(
        *(NAMESPACE, OPEN, _INTERRUPTED, steps.interruptions >= SUSPECT),
        *(steps.owner == bindparam("owner"), steps.due_at > bindparam("now")),
    )
    .limit(1)
)
_ANNOUNCED: Final = PreparedStatement(LEASABLE.join(hop_list, IN_HOP_LIST))
"""All listed hops; those that may be leased are filtered outside, or SQLite would walk along the queue."""

TO_CLOSE: Final = (
    runs.namespace == bindparam("namespace"),
    runs.completed_at.is_(None),
    runs.closes_at.is_not(None),
)
_WAITS_FOR_NO_JOIN: Final = or_(
    and_(*(steps.wait.is_distinct_from(one.value) for one in sorted(leases.FOR_OTHERS))),
    and_(*(steps.reason.is_distinct_from(one.value) for one in sorted(leases.OTHERS_REASONS))),
)
"""SQL form of :func:`paigeant.protocol.leases.waits_for_others`."""

_NOT_HELD: Final = or_(
    steps.due_at.is_not(None),
    and_(*(steps.reason.is_distinct_from(one.value) for one in sorted(leases.HELD))),
    runs.closes_at > steps.started_at,
)
"""SQL form of :func:`paigeant.protocol.leases.was_held_since`."""

_CLOSING: Final = PreparedStatement(
    LEASABLE.where(
        *TO_CLOSE,
        _NOT_HELD,
        runs.closes_at <= bindparam("now"),
        unindexed(OPEN),
        steps.direction == Direction.EXECUTE.value,
        _DUE | (steps.owner.is_(None) & _WAITS_FOR_NO_JOIN),
    )
    .order_by(runs.closes_at, *HOP)
    .limit(bindparam("limit"))
)
BRANCHES_TO_CLOSE: Final = (NAMESPACE, OPEN, steps.closes.is_not(None))
_CLOSING_BRANCHES: Final = PreparedStatement(
    LEASABLE.where(*BRANCHES_TO_CLOSE, _NOT_HELD, steps.owner.is_(None) | _DUE).order_by(*HOP).limit(bindparam("limit"))
)
_MISFITS: Final = PreparedStatement(
    select(steps.step, steps.interface).where(NAMESPACE, OPEN, steps.interface.is_not(None)).distinct()
)
_THESE_MISFITS: Final = PreparedStatement(
    LEASABLE.where(
        NAMESPACE,
        OPEN,
        steps.interface.is_not(None),
        steps.step == bindparam("topic"),
        steps.interface == bindparam("interface"),
    )
    .order_by(*HOP)
    .limit(bindparam("limit"))
)
_TAKE: Final = changing(leases.Taken, steps.fence == bindparam("b_fence"))
_SOON: Final = PreparedStatement(
    update(step_executions).where(THIS_HOP).values(hints=0, hint_at=bindparam("b_hint_at"))
)
_STARTED: Final = PreparedStatement(
    update(workflow_runs).where(runs.workflow_id == bindparam("b_workflow_id")).values(started_at=FIRST_START)
)


def queue_of(topics: int, now: ColumnElement[Any]) -> Subquery:
    """Return the query of the keys of due twins of this many topics, the first up to a limit.

    One part for each topic, so that each walks along the index and ends at the limit, however long the queues are.
    """
    parts = [
        select(steps.workflow_id, steps.path, steps.position, steps.due_at)
        .where(NAMESPACE, steps.step == bindparam(f"topic_{n}"), OPEN, ~SUSPECT_HOP, steps.due_at <= now)
        .order_by(steps.due_at)
        .limit(bindparam("limit"))
        .subquery(f"due_{n}")
        for n in range(topics)
    ]
    due = union_all(*(select(part) for part in parts)).subquery("due_now")
    first = select(due).order_by(due.c.due_at, due.c.workflow_id, due.c.path, due.c.position).limit(bindparam("limit"))
    return first.subquery("queue")


def is_of(table: Subquery | CTE) -> ColumnElement[bool]:
    """Return the condition that a hop has the key in this table."""
    return and_(
        table.c.workflow_id == steps.workflow_id, table.c.path == steps.path, table.c.position == steps.position
    )


def some_suspect(now: ColumnElement[Any]) -> Select[Any]:
    """Return the query of a due suspect of the topics."""
    return select(steps.position).where(NAMESPACE, OPEN, SUSPECT_HOP, steps.due_at <= now, one_of(steps.step, "topics"))


@cache
def _due_of(topics: int) -> PreparedStatement:
    """Return the query of due twins of this many topics."""
    queue = queue_of(topics, bindparam("now", type_=steps.due_at.type))
    return PreparedStatement(LEASABLE.join(queue, is_of(queue)).order_by(queue.c.due_at, *HOP))


def claim(tx: Tx, owner: str, what: Claim, limit: int, lease: timedelta) -> list[Grant]:
    """Lease hops that match the claim."""
    match what:
        case Due(topics):
            return pick(tx, owner, topics, limit, lease)
        case Announced(notices):
            return lease_announced(tx, owner, notices[:limit], lease)
        case Overdue():
            return lease_closing(tx, owner, limit, lease)
        case Fitting(wanted):
            return lease_misfits(tx, owner, wanted, limit, lease)
        case _:
            assert_never(what)


def pick(tx: Tx, owner: str, topics: Collection[str], limit: int, lease: timedelta) -> list[Grant]:
    """Lease due twins of these topics, the one due longest first."""
    if not topics or limit < 1:
        return []
    about = {"namespace": tx.namespace, "now": tx.now}
    suspects = tx.rows(_SUSPECTS, **about, topics=list_of(topics), limit=1)
    suspects = leases.choose_suspects(suspects, holds_one=bool(suspects) and _holds_suspect(tx, owner))
    room = limit - len(suspects)
    rows = [row for part in parts_of(topics) for row in tx.rows(_due_of(len(part)), **about, limit=room, **named(part))]
    # Checked again on the locked rows: another claim may have leased one in between, and PostgreSQL rechecks its new
    # version for the join's columns only. Without this two workers would run one step at the same time.
    due = [row for row in rows if _may_lease(tx, row)]
    due.sort(key=lambda row: (row.due_at, key_of(row)))
    return _take(tx, [*suspects, *due[:room]], owner, lease)


def parts_of(topics: Collection[str]) -> list[list[str]]:
    """Return the topics in parts for one statement each."""
    each = list(topics)
    return [each[start : start + TOPICS] for start in range(0, len(each), TOPICS)]


def _holds_suspect(tx: Tx, owner: str) -> bool:
    rows = tx.rows(_HELD_SUSPECTS, namespace=tx.namespace, now=tx.now, owner=owner)
    return any(leases.holds_suspect(row, owner, tx.now) for row in rows)


def lease_announced(tx: Tx, owner: str, notices: Sequence[tuple[HopKey, bytes]], lease: timedelta) -> list[Grant]:
    """Lease announced twins that are due and whose bytes match the announcement."""
    announced: dict[HopKey, set[bytes]] = {}
    for key, digest in notices:
        announced.setdefault(key, set()).add(digest)
    rows = [row for row in tx.rows(_ANNOUNCED, keys=keys_of(announced)) if _may_lease(tx, row)]
    good = [row for row in rows if any(notice.is_announced(row, digest) for digest in announced[key_of(row)])]
    suspects = [row for row in good if leases.is_suspect(row)]
    given = leases.choose_suspects(suspects, holds_one=bool(suspects) and _holds_suspect(tx, owner))
    refused = [row for row in suspects if row not in given]
    # Its message is used up. Suspects that wait for one another must not be announced ever more rarely because of it.
    tx.many(_SOON, [{**bound(key_of(row)), "b_hint_at": tx.now + SUSPECT_PAUSE} for row in refused])
    return _take(tx, [row for row in good if row not in refused], owner, lease)


def _may_lease(tx: Tx, row: Any) -> bool:
    """True if the row is of this namespace and due."""
    return row.namespace == tx.namespace and leases.is_due(row, tx.now)


def lease_closing(tx: Tx, owner: str, limit: int, lease: timedelta) -> list[Grant]:
    """Lease forward twins, due or not, of runs that are to end, if nobody runs them."""
    about = {"namespace": tx.namespace, "now": tx.now, "limit": limit}
    found = {key_of(row): row for query in (_CLOSING, _CLOSING_BRANCHES) for row in tx.rows(query, **about)}
    rows = [row for row in found.values() if leases.may_close(row, row, row.direction, tx.now)]
    return _take(tx, rows[:limit], owner, lease)


def find_held_interfaces(tx: Tx) -> set[HeldInterface]:
    """Return the activity and the interface of each twin that is held for code that fits it."""
    return {HeldInterface(row.step, row.interface) for row in tx.rows(_MISFITS, namespace=tx.namespace)}


def lease_misfits(tx: Tx, owner: str, wanted: Collection[tuple[str, str]], limit: int, lease: timedelta) -> list[Grant]:
    """Lease twins that wait for code that fits these interfaces."""
    rows: list[Any] = []
    for topic, interface in wanted:
        if limit > len(rows):
            about = {"namespace": tx.namespace, "topic": topic, "interface": interface}
            rows += tx.rows(_THESE_MISFITS, **about, limit=limit - len(rows))
    return _take(tx, rows, owner, lease)


def _take(tx: Tx, rows: Sequence[Any], owner: str, lease: timedelta) -> list[Grant]:
    """Lease the twins of these rows to this owner."""
    taken = [changed(key_of(row), leases.take(row, owner, tx.now, lease)) for row in rows]
    # A run began with the first lease of its first hop, whose row has that time until it is leased again. So the time
    # is copied to the run's row before any hop is leased a second time.
    again = {row.workflow_id for row in rows if row.started_at is not None and row.run_started_at is None}
    tx.many(_STARTED, [{"b_workflow_id": workflow_id} for workflow_id in again])
    tx.many(_TAKE, [change | {"b_fence": row.fence} for row, change in zip(rows, taken, strict=True)])
    return granted(tx, rows)


def granted(tx: Tx, rows: Sequence[Any]) -> list[Grant]:
    """Return the grants of leases just taken on the hops of these rows, with the data for their owner."""
    known = records(tx, map(undone_by, rows))
    before = [key_of(row) for row in rows if row.fence]  # only a hop leased before can have progress
    said = details(tx, before) if before else {}
    return [grant_of(tx, row, known.get(undone_by(row)), said.get(key_of(row))) for row in rows]


def named(topics: Collection[str]) -> dict[str, str]:
    """Return the parameters for the topics of such a query."""
    return {f"topic_{n}": topic for n, topic in enumerate(topics)}
