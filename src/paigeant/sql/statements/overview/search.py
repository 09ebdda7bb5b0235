"""Runs by what they are like: a page of them, or how many there are, up to 10,001."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, and_, bindparam, func, literal, or_, select, type_coerce, union_all
from sqlalchemy.sql.selectable import Exists

from paigeant.model.runs import RunPage, RunStatus, WaitReason
from paigeant.model.stored.overview import COUNTED
from paigeant.model.stored.pages import read_place
from paigeant.model.stored.run_filter import STUCK_ENDS, RunFilter
from paigeant.protocol.views import view_page
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.stuck import STUCK
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.statements.read import SUMMARY
from paigeant.sql.statements.run_status import stands

runs: Columns = workflow_runs.c
_hop: Final = step_executions.alias("asked_hop")
_ERROR: Final = type_coerce(runs.error, Text)


def search_runs(tx: Tx, asked: RunFilter, limit: int, after: str | None) -> RunPage:
    """Return a page of the runs that fit, newest first."""
    query = select(*SUMMARY, runs.number).where(*_conditions(asked)).order_by(runs.number.desc()).limit(limit + 1)
    if (place := read_place(after, "runs")) is not None:
        query = query.where(runs.number < place)
    return view_page(tx.rows(query, namespace=tx.namespace), limit)


def count_runs(tx: Tx, asked: RunFilter) -> int:
    """Return how many runs fit, up to 10,001."""
    found = select(literal(1).label("one")).select_from(workflow_runs).where(*_conditions(asked)).limit(COUNTED)
    counted = select(func.count().label("count")).select_from(found.subquery())
    return int(tx.rows(counted, namespace=tx.namespace)[0].count)


def _conditions(asked: RunFilter) -> list[ColumnElement[bool]]:
    same = ("tenant", "correlation_id", "dispatch_key", "trace_id")
    wanted = [runs[name] == getattr(asked, name) for name in same if getattr(asked, name) is not None]
    if asked.status:
        wanted.append(or_(*(stands(status) for status in asked.status)))
    if asked.workflow:
        wanted.append(runs.workflow.in_(asked.workflow))
    if asked.not_workflow:
        wanted.append(runs.workflow.not_in(asked.not_workflow))
    return [runs.namespace == bindparam("namespace"), *wanted, *_where(asked), *_times(asked)]


def _where(asked: RunFilter) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions on where the runs stand."""
    if asked.reason:
        yield _open_hop(or_(*(_waits_for(reason) for reason in asked.reason)))
    if asked.step is not None:
        ended_there = _ERROR.contains(f'"step":{_text(asked.step)}', autoescape=True)
        yield or_(_open_hop(_hop.c.step == asked.step), ended_there)
    if asked.stuck:
        yield runs.number.in_(_numbers(_stuck(asked), asked.error))
    elif asked.ended_after is not None and asked.status and all(status.final for status in asked.status):
        ended = [_ended(status, asked.ended_after) for status in sorted(asked.status)]
        yield runs.number.in_(_numbers(ended, asked.error))
    elif asked.error is not None:
        yield _has_error(runs.error, asked.error)


def _has_error(column: ColumnElement[Any], error: str) -> ColumnElement[bool]:
    return type_coerce(column, Text).startswith(f'{{"type":{_text(error)}', autoescape=True)


def _times(asked: RunFilter) -> list[ColumnElement[bool]]:
    after = {runs.created_at: asked.created_after, runs.completed_at: asked.ended_after}
    before = {runs.created_at: asked.created_before, runs.completed_at: asked.ended_before}
    not_before = [column >= at for column, at in after.items() if at is not None]
    return [*not_before, *(column < at for column, at in before.items() if at is not None)]


def _open_hop(condition: ColumnElement[bool]) -> Exists:
    hop = _hop.c
    found = select(literal(1)).where(hop.workflow_id == runs.workflow_id, hop.completed_at.is_(None), condition)
    return found.correlate(workflow_runs).exists()


def _waits_for(reason: str) -> ColumnElement[bool]:
    """Return the condition that a hop waits for this, as :func:`paigeant.stores.memory.overview.waits_for`."""
    hop = _hop.c
    if reason == WaitReason.CONTRACT:
        return hop.interface.is_not(None)
    if reason == WaitReason.SIGNAL:
        return hop.awaits.is_not(None)
    return and_(hop.reason == reason, hop.interface.is_(None))


def _stuck(asked: RunFilter) -> list[Select[Any, Any]]:
    """Return what finds the newest runs that need a person, up to 10,001 of each kind, whatever else there is."""
    hops = step_executions.c
    waiting = select(hops.workflow_id).where(hops.namespace == bindparam("namespace"), STUCK)
    newest = waiting.order_by(hops.workflow_id.desc()).limit(COUNTED).subquery()
    found = select(runs.number, runs.error).where(runs.workflow_id.in_(select(newest.c.workflow_id)))
    return [found, *map(_ended, sorted(STUCK_ENDS.intersection(asked.status or STUCK_ENDS)))]


def _ended(status: RunStatus, since: datetime | None = None) -> Select[Any, Any]:
    """Return what finds the runs that ended so, those that did last, up to 10,001: by an index, if since then."""
    here = (runs.namespace == bindparam("namespace"), runs.status == status.value)
    ended = select(runs.number, runs.error).where(*here).limit(COUNTED)
    if since is None:
        return ended.order_by(runs.number.desc())
    return ended.where(runs.completed_at >= since).order_by(runs.completed_at.desc())


def _numbers(found: Sequence[Select[Any, Any]], error: str | None) -> Select[Any]:
    """Return the numbers of what is found, if it has this error.

    Each is a query of its own, or its order and limit would not be its own; and the error is looked for in what it
    finds, or a database might look for that first, in all runs.
    """
    parts = [each.subquery().c for each in found]
    fit = (
        select(part.number) if error is None else select(part.number).where(_has_error(part.error, error))
        for part in parts
    )
    return select(union_all(*fit).subquery().c.number)


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
