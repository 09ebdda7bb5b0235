"""Ends of runs by minute and status. For each status, at most 10,001 entries of an index are read."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import bindparam, func, select, union_all

from paigeant.model.runs import FINAL, RunStatus
from paigeant.model.stored.overview import COUNTED, EndCount
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, workflow_runs
from paigeant.sql.schema.types import Minute, StoreTime

runs: Columns = workflow_runs.c

_NEWEST: Final = union_all(
    *(
        select(
            select(runs.status, runs.completed_at)
            .where(runs.namespace == bindparam("namespace"), runs.status == status.value)
            .where(runs.completed_at.is_not(None), runs.completed_at >= bindparam("since", type_=StoreTime()))
            .order_by(runs.completed_at.desc())
            .limit(COUNTED)
            .subquery()
        )
        for status in sorted(FINAL)
    )
).subquery()
_MINUTE: Final = Minute(_NEWEST.c.completed_at).label("minute")
_ENDS: Final = (
    select(_MINUTE, _NEWEST.c.status, func.count().label("count"))
    .group_by(_MINUTE, _NEWEST.c.status)
    .order_by(_MINUTE, _NEWEST.c.status)
)


def count_ends(tx: Tx, within: timedelta) -> list[EndCount]:
    """Return the number of runs that ended within this time until now, by minute and status."""
    rows = tx.rows(_ENDS, namespace=tx.namespace, since=tx.now - within)
    return [EndCount(minute=row.minute, status=RunStatus(row.status), count=row.count) for row in rows]
