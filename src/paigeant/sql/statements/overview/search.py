"""Searches of runs: a page, or their number up to 10,001."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)

from paigeant.model.runs import DETAILED, RunPage, RunStatus, WaitReason
from paigeant.model.stored.overview import COUNTED
from paigeant.model.stored.pages import read_place
from paigeant.model.stored.run_filter import STUCK_ENDS, RunFilter
from paigeant.protocol.views import view_page
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.stuck import STUCK
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.schema.types import ErrorStep, ErrorType
from paigeant.sql.statements.read import SUMMARY
from paigeant.sql.statements.run_status import stands

runs: Columns = workflow_runs.c

_DISORDER: Final = timedelta(seconds=5)
"""Time by which a run may have been created after one with a higher number: transactions overlap."""

_NUMBERS: Final = 2**48
"""Limit of the numbers of runs that are searched."""


def list_runs(tx: Tx, asked: RunFilter, limit: int, after: str | None) -> RunPage:
    """Return a page of matching runs, newest first.

    Their age is compared here, since rows are in order: a condition would read all older ones.
    """
    asked, place = asked.at(tx.now), read_place(after, "runs")
    found = tx.rows(page_of(asked, limit, place), namespace=tx.namespace)
    if (since := asked.created_after) is not None:
        found = [run for run in found if run.created_at >= since]
    return view_page(found, limit)


def page_of(asked: RunFilter, limit: int, place: int | None = None) -> Select[*tuple[Any, ...]]:
    """Return the query for a page of matching runs, whenever they were created."""
    fits = _fitting(asked, limit + 1, place)
    return select(*SUMMARY, runs.number).where(*fits).order_by(runs.number.desc()).limit(limit + 1)


def count_runs(tx: Tx, asked: RunFilter) -> int:
    """Return the number of matching runs, up to 10,001."""
    asked = asked.at(tx.now)
    found = select(runs.created_at).where(*_fitting(asked, COUNTED)).limit(COUNTED)
    if asked.created_after is None:
        counted = select(func.count().label("count")).select_from(found.subquery())
    else:  # of the newest runs, as in a page
        newest = found.order_by(runs.number.desc()).subquery()
        counted = select(func.count().label("count")).where(newest.c.created_at >= asked.created_after)
    return int(tx.rows(counted, namespace=tx.namespace)[0].count)


def _fitting(asked: RunFilter, limit: int, place: int | None = None) -> list[ColumnElement[bool]]:
    """Return the conditions of matching runs, complete for the newest of this number.

    A run is at a step in one of two ways, each with an index of its own: each is a query of its own, and is left out if
    no run of these statuses can be at a step in that way: a planner, which does not know that, would search all runs.
    """
    here = runs.namespace == bindparam("namespace")
    fits = [*_conditions(asked), *(() if place is None else (runs.number < place,))]
    if asked.step is None:  # the run's namespace suffices: SQLite would prefer the hop's namespace as a key to its run
        return fits if asked.reason else [here, *fits]
    ways, statuses = list[Sequence[ColumnElement[bool]]](), frozenset(asked.status or RunStatus)
    if not all(status.final for status in statuses):  # an ended run has no open hop
        ways.append((*fits, _stands_at(asked.step)))
    if statuses - {RunStatus.COMPLETED}:  # a completed run has no failed step
        ways.append((*fits, _has_ended_at(asked.step, place)))
    newest = [select(runs.number).where(*way).order_by(runs.number.desc()).limit(limit) for way in ways]
    return [runs.number.in_(_numbers(newest, None)) if newest else false()]


def _stands_at(step: str) -> ColumnElement[bool]:
    """Return the condition that a run has an open hop at a step: one of the 10,001 that are due last.

    The limit keeps a planner from searching all runs of a tenant, or of a workflow, for those at the step.
    """
    hop = step_executions.c
    here = (hop.namespace == bindparam("namespace"), hop.step == step, hop.completed_at.is_(None))
    last = select(hop.workflow_id).where(*here).order_by(hop.due_at.desc()).limit(COUNTED).subquery()
    return runs.workflow_id.in_(select(last.c.workflow_id))


def _has_ended_at(step: str, place: int | None) -> ColumnElement[bool]:
    """Return the condition that a run ended at a step: one of the newest 10,001, limited for the same reason."""
    failed = select(runs.number).where(runs.namespace == bindparam("namespace"), runs.error.is_not(None))
    failed = failed.where(ErrorStep(runs.error) == step, *(() if place is None else (runs.number < place,)))
    newest = failed.order_by(runs.number.desc()).limit(COUNTED).subquery()
    return runs.number.in_(select(newest.c.number))


def _conditions(asked: RunFilter) -> list[ColumnElement[bool]]:
    same = ("tenant", "correlation_id", "dispatch_key", "trace_id")
    wanted = [runs[name] == getattr(asked, name) for name in same if getattr(asked, name) is not None]
    if asked.workflow_id:
        wanted.append(runs.workflow_id.in_(asked.workflow_id))
    if asked.forks_of is not None:
        wanted.append(runs.forked_from == asked.forks_of)
    if asked.parent is not None:
        wanted.append(runs.parent_id == asked.parent)
    if asked.status:
        wanted.append(or_(*(stands(status) for status in asked.status)))
    if asked.workflow:
        wanted.append(runs.workflow.in_(asked.workflow))
    if asked.not_workflow:
        wanted.append(runs.workflow.not_in(asked.not_workflow))
    return [*wanted, *_where(asked), *_times(asked)]


def _where(asked: RunFilter) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions on the state of the runs."""
    if asked.reason:
        yield _open_hop(*(_waits_for(reason) for reason in sorted(asked.reason)))
    if asked.stuck:
        yield runs.number.in_(_numbers(_stuck(asked), asked.error))
    elif asked.ended_after is not None and asked.status and all(status.final for status in asked.status):
        ended = [_ended(status, asked.ended_after) for status in sorted(asked.status)]
        yield runs.number.in_(_numbers(ended, asked.error))
    elif asked.error is not None:
        yield _has_error(runs.error, asked.error)


def _has_error(column: ColumnElement[Any], error: str) -> ColumnElement[bool]:
    return and_(column.is_not(None), ErrorType(column) == error)


def _times(asked: RunFilter) -> Iterator[ColumnElement[bool]]:
    if asked.ended_after is not None:
        yield runs.completed_at >= asked.ended_after
    before = {runs.created_at: asked.created_before, runs.completed_at: asked.ended_before}
    times = {column: at for column, at in before.items() if at is not None}
    yield from (column < at for column, at in times.items())
    if times and not (asked.step or asked.reason or asked.stuck):  # these are found by indexes of their own
        yield runs.number <= _newest_before(min(times.values()) + _DISORDER)


def _newest_before(at: datetime) -> ScalarSelect[int]:
    """Return the query of the highest number of a run that was created before a time.

    Runs are numbered as they are created, in all namespaces, so that it is found by bisection: one entry of the index
    for each bit of a number. A list of old runs begins there, instead of reading all newer ones first.
    """
    begin = select(literal(0, BigInteger).label("number"), literal(_NUMBERS, BigInteger).label("step"))
    bits = begin.cte("bits", recursive=True)
    tried = bits.c.number + bits.c.step
    created = select(runs.created_at).where(runs.number >= tried).order_by(runs.number).limit(1).scalar_subquery()
    higher = case((created < at, tried), else_=bits.c.number)
    bits = bits.union_all(select(higher, bits.c.step // 2).where(bits.c.step > 0))
    return select(bits.c.number).where(bits.c.step == 0).scalar_subquery()


def _open_hop(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a run has an open hop that matches any of these.

    The hops are found first, each kind by an index of its own, since there are many runs.
    """
    hop = step_executions.c
    here = (hop.namespace == bindparam("namespace"), hop.completed_at.is_(None))
    return runs.workflow_id.in_(union_all(*(select(hop.workflow_id).where(*here, fits) for fits in conditions)))


def _waits_for(reason: str) -> ColumnElement[bool]:
    """Return the condition for a wait reason, as :func:`paigeant.stores.memory.overview.waits_for`."""
    hop = step_executions.c
    if reason == WaitReason.CONTRACT:
        return hop.interface.is_not(None)
    if reason == WaitReason.SIGNAL:
        return hop.awaits.is_not(None)
    same = hop.reason == reason
    if reason in DETAILED:
        same = or_(same, hop.reason.startswith(f"{reason}: "))
    return and_(same, hop.interface.is_(None))


def _stuck(asked: RunFilter) -> list[Select[Any, Any]]:
    """Return the queries of the newest runs that need a person, up to 10,001 of each kind."""
    hops = step_executions.c
    waiting = select(hops.workflow_id).where(hops.namespace == bindparam("namespace"), STUCK)
    newest = waiting.order_by(hops.workflow_id.desc()).limit(COUNTED).subquery()
    found = select(runs.number, runs.error).where(runs.workflow_id.in_(select(newest.c.workflow_id)))
    return [found, *map(_ended, sorted(STUCK_ENDS.intersection(asked.status or STUCK_ENDS)))]


def _ended(status: RunStatus, since: datetime | None = None) -> Select[Any, Any]:
    """Return the query of the last runs that ended with this status, up to 10,001; with ``since`` by an index."""
    here = (runs.namespace == bindparam("namespace"), runs.status == status.value)
    ended = select(runs.number, runs.error).where(*here).limit(COUNTED)
    if since is None:
        return ended.order_by(runs.number.desc())
    return ended.where(runs.completed_at >= since).order_by(runs.completed_at.desc())


def _numbers(found: Sequence[Select[Any, Any] | Select[Any]], error: str | None) -> Select[Any]:
    """Return the numbers of the found runs with this error.

    Each part is a subquery, so that it keeps its order and limit; the error is compared outside of it, since a database
    might otherwise search for it in all runs.
    """
    parts = [each.subquery().c for each in found]
    fit = (
        select(part.number) if error is None else select(part.number).where(_has_error(part.error, error))
        for part in parts
    )
    return select(union_all(*fit).subquery().c.number)
