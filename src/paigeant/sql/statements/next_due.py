"""Next due times: intakes and closers sleep until then."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Final

from sqlalchemy import Integer, bindparam, func, literal_column, select, union_all

from paigeant.model.limits import SUSPECT_PAUSE
from paigeant.sql.execution.keys import list_of, one_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.types import store_now
from paigeant.sql.statements.claim import BRANCHES_TO_CLOSE, NAMESPACE, SUSPECT_HOP, TO_CLOSE, named, parts_of, runs
from paigeant.sql.statements.hops import OPEN, steps

_closing_branch: Final = (
    select(literal_column("1", Integer())).where(*BRANCHES_TO_CLOSE, steps.owner.is_(None)).exists()
)
_leased_branch: Final = (
    select(func.min(steps.due_at, type_=steps.due_at.type))
    .where(*BRANCHES_TO_CLOSE, steps.owner.is_not(None))
    .scalar_subquery()
)
"""End of the lease of a hop that is to end, before which nobody else may end it."""

_NEXT_CLOSING: Final = PreparedStatement(
    select(func.min(runs.closes_at).label("at"), store_now().label("now"), _closing_branch.label("branch"))
    .add_columns(_leased_branch.label("branch_at"))
    .where(*TO_CLOSE)
)


@cache
def _next_due_of(topics: int) -> PreparedStatement:
    """Return the query of the next due time of this many topics, of the next suspect, and of the present time."""
    # The first in the order of the index, not min(): for that PostgreSQL without statistics would walk through any
    # index.
    parts = [
        select(steps.due_at)
        .where(NAMESPACE, steps.step == bindparam(f"topic_{n}"), OPEN, ~SUSPECT_HOP, steps.due_at.is_not(None))
        .order_by(steps.due_at)
        .limit(literal_column("1"))
        .subquery(f"due_{n}")
        for n in range(topics)
    ]
    due = union_all(*(select(part) for part in parts)).subquery("due")
    suspect = select(func.min(steps.due_at)).where(NAMESPACE, OPEN, SUSPECT_HOP, one_of(steps.step, "topics"))
    return PreparedStatement(
        select(
            select(func.min(due.c.due_at, type_=steps.due_at.type)).scalar_subquery().label("due_at"),
            suspect.scalar_subquery().label("suspect_at"),
            store_now().label("now"),
        )
    )


def due_in(tx: Tx, topics: Collection[str], waited: float) -> float | None:
    """Return the number of seconds until the next twin of these topics is due, None without one.

    ``waited`` is how long the caller has waited, in seconds: suspects are only worth a claim after a pause.
    """
    parts = [
        tx.rows(
            _next_due_of(len(part)),
            namespace=tx.namespace,
            topics=list_of(topics),
            known_now=tx.known_now,
            **named(part),
        )[0]
        for part in parts_of(topics)
    ]
    due = [(row.due_at - row.now).total_seconds() for row in parts if row.due_at is not None]
    suspects = [(row.suspect_at - row.now).total_seconds() for row in parts if row.suspect_at is not None]
    if suspects:
        due.append(max(suspects[0], SUSPECT_PAUSE.total_seconds() - waited))
    return min(due, default=None)


def overdue_in(tx: Tx) -> float | None:
    """Return the number of seconds until a run, or a branch, is overdue to end, None without one."""
    [row] = tx.rows(_NEXT_CLOSING, namespace=tx.namespace, known_now=tx.known_now)
    if row.branch:
        return 0.0
    return min(((at - row.now).total_seconds() for at in (row.at, row.branch_at) if at is not None), default=None)
