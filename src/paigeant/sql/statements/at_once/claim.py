"""Claims in one statement: due or announced hops are found, locked and leased, unless a suspect is among them."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any, Final, TypeGuard

from sqlalchemy import CTE, ColumnElement, Interval, Text, and_, bindparam, case, exists, literal, select, true, update
from sqlalchemy.types import TypeEngine

from paigeant.model.hold import WaitState
from paigeant.model.hops import Grant
from paigeant.model.runs import StepStatus
from paigeant.model.stored.claims import Announced, Claim, Due
from paigeant.protocol.leases import Taken
from paigeant.sql.execution.keys import list_of, unindexed
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.statements.at_once.table import NOW, given_table, lists_of
from paigeant.sql.statements.claim import (
    LEASABLE,
    NAMESPACE,
    SUSPECT_HOP,
    TOPICS,
    granted,
    is_of,
    named,
    queue_of,
    some_suspect,
)
from paigeant.sql.statements.hops import HOP, STILL_OPEN, steps
from paigeant.sql.statements.run_status import FIRST_START

runs: Columns = workflow_runs.c

_LEASE: Final = bindparam("lease", type_=Interval())
_OWNER: Final = bindparam("owner", type_=Text())


_NOTICE: Final[dict[str, TypeEngine[Any]]] = {
    "workflow_id": steps.workflow_id.type,
    "path": steps.path.type,
    "position": steps.position.type,
    "digest": steps.digest.type,
}


def claim_fits(what: Claim, limit: int) -> TypeGuard[Due | Announced]:
    """True if one statement can do this claim."""
    match what:
        case Due(topics):
            return 0 < len(topics) <= TOPICS and limit > 0
        case Announced(notices):
            return 0 < len(notices) <= limit
        case _:
            return False


def claim_at_once(tx: Tx, owner: str, what: Due | Announced, limit: int, lease: timedelta) -> list[Grant] | None:
    """Lease the claimed hops, the one due longest first; None, with nothing leased, if there is a suspect."""
    about = {"namespace": tx.namespace, "owner": owner, "lease": lease}
    match what:
        case Due(topics):
            asked = {"limit": limit, "topics": list_of(topics), **named(topics)}
            rows = tx.rows(_claim(len(topics)), **about, **asked)
        case Announced(notices):
            given = [{**key._asdict(), "digest": digest} for key, digest in sorted(set(notices))]
            rows = tx.rows(_announced(), **about, **lists_of("given", _NOTICE, given))
    if rows[0].suspected:
        return None
    return granted(tx.at(rows[0].now), [row for row in rows if row.workflow_id is not None])


@cache
def _claim(topics: int) -> PreparedStatement:
    """Return the statement for due hops of this many topics."""
    suspected = select(exists(some_suspect(NOW)).label("suspected")).cte("suspected").prefix_with("MATERIALIZED")
    queue = queue_of(topics, NOW)
    due = (
        LEASABLE.join(queue, is_of(queue))
        .where(~select(suspected.c.suspected).scalar_subquery())
        .order_by(queue.c.due_at, *(queue.c[name] for name in ("workflow_id", "path", "position")))
        .cte("due")
    )
    return _lease(suspected, due)


@cache
def _announced() -> PreparedStatement:
    """Return the statement for listed hops."""
    given = given_table("given", _NOTICE)
    of_suspect = select(steps.position).join_from(given, step_executions, is_of(given)).where(unindexed(SUSPECT_HOP))
    suspected = select(exists(of_suspect).label("suspected")).cte("suspected").prefix_with("MATERIALIZED")
    due = (
        LEASABLE.join(given, is_of(given))
        .where(~select(suspected.c.suspected).scalar_subquery(), steps.digest == given.c.digest)
        .where(unindexed(NAMESPACE), STILL_OPEN, unindexed(steps.due_at <= NOW))
        .order_by(given.c.workflow_id, given.c.path, given.c.position)
        .cte("due")
    )
    return _lease(suspected, due)


def _lease(suspected: CTE, due: CTE) -> PreparedStatement:
    """Return the statement that leases these, unless there is a suspect among them."""
    # A hop that another claim leased between this statement's snapshot and its lock is still among the due ones:
    # PostgreSQL rechecks the new version for the join's columns only. The update compares the fence, which differs, and
    # skips it. Only written rows are granted, else two workers would run one step at the same time.
    taken = _taken(due)
    leased = due.join(taken, _same_hop(due, taken))
    found = select(suspected.c.suspected, NOW.label("now"), *due.c).join_from(suspected, leased, true(), isouter=True)
    order = due.c.due_at, due.c.workflow_id, due.c.path, due.c.position
    return PreparedStatement(found.order_by(*order).add_cte(_started(due)))


def _same_hop(one: CTE, other: CTE) -> ColumnElement[bool]:
    return and_(*(one.c[column.name] == other.c[column.name] for column in HOP))


def _taken(due: CTE) -> CTE:
    """Lease the hops: the SQL form of :func:`paigeant.protocol.leases.take`; none of them is a suspect.

    None of them is a suspect; one whose owner let its lease run out becomes one.
    """
    taken: Any = Taken
    written = taken(
        fence=steps.fence + literal(1),
        attempt=steps.attempt + literal(1),
        interruptions=steps.interruptions + case((due.c.owner.is_not(None), 1), else_=0),
        status=literal(StepStatus.RUNNING.value),
        reason=None,
        awaits=None,
        wait=case((steps.wait == literal(WaitState.OPEN.value), WaitState.OVER.value), else_=steps.wait),
        interface=None,
        owner=_OWNER,
        worker=_OWNER,
        started_at=NOW,
        due_at=NOW + _LEASE,
        hint_at=NOW + _LEASE,
        hints=literal(0),
    )
    this = is_of(due) & (steps.fence == due.c.fence)
    return update(step_executions).where(this).values(written._asdict()).returning(*HOP).cte("taken")


def _started(due: CTE) -> CTE:
    """Store the start of runs when a hop is leased again: their first hop may be it, and loses that time."""
    again = due.c.started_at.is_not(None) & due.c.run_started_at.is_(None)
    change = update(workflow_runs).where(runs.workflow_id == due.c.workflow_id, again)
    return change.values(started_at=FIRST_START).cte("started")
