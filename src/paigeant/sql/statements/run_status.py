"""Status of a run: a final one is in its row, that of an open run follows from its open hops."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, select, type_coerce

from paigeant.model.runs import FINAL, RunStatus, StepStatus, WaitReason
from paigeant.sql.schema.tables import OPEN_RUN, Columns, step_executions, workflow_runs

runs: Columns = workflow_runs.c
_hops: Final = step_executions.alias("open_hop")
_OPEN_HOP: Final = and_(_hops.c.workflow_id == runs.workflow_id, _hops.c.completed_at.is_(None))
_getting_on = func.sum(case((_hops.c.status == StepStatus.WAITING.value, 0), else_=1))

_started: Final = step_executions.alias("started_hop")
FIRST_START: Final[ColumnElement[Any]] = (
    select(_started.c.started_at)
    .where(_started.c.workflow_id == runs.workflow_id, _started.c.started_at.is_not(None))
    .order_by(_started.c.path, _started.c.position)
    .limit(1)
    .correlate(workflow_runs)
    .scalar_subquery()
)
"""Time of the last lease of the run's first leased hop. Entries before it may have been passed."""

STARTED_AT: Final[ColumnElement[Any]] = func.coalesce(runs.started_at, FIRST_START)
"""Time of the first lease of the run's first step: in its hop's row, or, once a hop was leased again, in the run's."""

_OPEN_STATUS: Final[ColumnElement[Any]] = (
    select(
        case(
            (_getting_on == 0, RunStatus.WAITING.value),
            (STARTED_AT.is_(None), RunStatus.PENDING.value),
            else_=RunStatus.RUNNING.value,
        )
    )
    .where(_OPEN_HOP)
    .correlate(workflow_runs)
    .scalar_subquery()
)

STATUS: Final[ColumnElement[Any]] = case((runs.completed_at.is_not(None), runs.status), else_=_OPEN_STATUS)
"""Status of the run; for an open one the SQL form of :func:`paigeant.protocol.views.open_status`."""


def _of_waiting_hop(what: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return this column of the hop that the run waits for, if it waits."""
    hop = select(what).where(_OPEN_HOP).order_by(_hops.c.path.desc(), _hops.c.position.desc()).limit(1)
    return case(
        (STATUS.op("=", is_comparison=True)(RunStatus.WAITING.value), hop.correlate(workflow_runs).scalar_subquery())
    )


_CONTRACT: Final = case((_hops.c.interface.is_not(None), WaitReason.CONTRACT.value), else_=_hops.c.reason)
REASON: Final = _of_waiting_hop(_CONTRACT)
"""SQL form of :func:`paigeant.protocol.views.open_reason`."""

_LIMIT: Final = case((_hops.c.reason.is_distinct_from(WaitReason.UNSERVED.value), _hops.c.due_at))
WAITS_UNTIL: Final = type_coerce(_of_waiting_hop(_LIMIT), _hops.c.due_at.type)
"""SQL form of :func:`paigeant.protocol.views.open_until`."""


def stands(status: RunStatus) -> ColumnElement[bool]:
    """Return the condition that a run has this status."""
    if status is RunStatus.UNREADABLE:
        return and_(runs.completed_at.is_not(None), runs.status.not_in([one.value for one in FINAL]))
    if status.final:
        return runs.status == status.value
    return and_(runs.status == OPEN_RUN, _OPEN_STATUS.in_([status.value]))
