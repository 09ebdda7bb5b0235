"""Runs as they are seen from outside."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue
from pydantic_core import from_json
from sqlalchemy import Row, Select, bindparam, select

from paigeant.errors import UnknownRun
from paigeant.model.pages import read_place
from paigeant.model.runs import RunPage, RunStatus, RunSummary, RunView, StepView
from paigeant.model.values import Ref, Value
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import heartbeats, step_executions, workflow_runs
from paigeant.sql.statements.hops import steps
from paigeant.sql.statements.variables import load_values, load_variables

runs = workflow_runs.c
_VISIBLE: Final = runs.namespace == bindparam("namespace")
_SUMMARY: Final = (
    runs.workflow_id,
    runs.workflow,
    runs.status,
    runs.reason,
    runs.tenant,
    runs.created_at,
    runs.started_at,
    runs.completed_at,
    runs.error,
)
_RUN: Final = select(
    *_SUMMARY, runs.trace_id, runs.dispatch_key, runs.deadline, runs.cancel_requested, runs.input, runs.output
).where(_VISIBLE, runs.workflow_id == bindparam("workflow_id"))
_STATUS: Final = PreparedStatement(select(runs.status).where(_VISIBLE, runs.workflow_id == bindparam("workflow_id")))
_STEPS: Final = (
    select(step_executions, heartbeats.c.detail, heartbeats.c.said_at)
    .outerjoin(
        heartbeats,
        (heartbeats.c.workflow_id == steps.workflow_id)
        & (heartbeats.c.path == steps.path)
        & (heartbeats.c.position == steps.position),
    )
    .where(steps.workflow_id == bindparam("workflow_id"))
    .order_by(steps.position, steps.path)
)


def get_run(tx: Tx, workflow_id: UUID) -> RunView:
    """Return everything about a run; raises UnknownRun."""
    rows = tx.rows(_RUN, namespace=tx.namespace, workflow_id=workflow_id)
    if not rows:
        raise UnknownRun(f"no run has the id {workflow_id}")
    [run] = rows
    hops = tx.rows(_STEPS, workflow_id=workflow_id)
    variables = load_variables(tx, workflow_id)
    shown = [run.input, run.output, *variables.values(), *(hop.output for hop in hops)]
    texts = load_values(tx, workflow_id, {value.sha256 for value in shown if isinstance(value, Ref)})
    return RunView(
        **_summary(run),
        trace_id=run.trace_id,
        dispatch_key=run.dispatch_key,
        deadline=run.deadline,
        cancel_requested=run.cancel_requested,
        input=_json(texts, run.input),
        output=_json(texts, run.output),
        variables={name: _json(texts, value) for name, value in sorted(variables.items())},
        steps=tuple(_step(hop, _json(texts, hop.output)) for hop in hops),
    )


def get_status(tx: Tx, workflow_id: UUID) -> RunStatus:
    """Return a run's status; raises UnknownRun."""
    status = tx.scalar(_STATUS, namespace=tx.namespace, workflow_id=workflow_id)
    if status is None:
        raise UnknownRun(f"no run has the id {workflow_id}")
    return RunStatus(status)


def page_of(status: RunStatus | None, workflow: str | None) -> Select[Any, *tuple[Any, ...]]:
    """Return the query of runs, newest first."""
    hop_list = select(*_SUMMARY, runs.number).where(_VISIBLE).order_by(runs.number.desc())
    if status is not None:
        hop_list = hop_list.where(runs.status == status.value)
    return hop_list if workflow is None else hop_list.where(runs.workflow == workflow)


def list_runs(tx: Tx, status: RunStatus | None, workflow: str | None, limit: int, after: str | None) -> RunPage:
    """Return a page of runs, newest first."""
    hop_list = page_of(status, workflow).limit(limit + 1)
    if (place := read_place(after, "runs")) is not None:
        hop_list = hop_list.where(runs.number < place)
    found = tx.rows(hop_list, namespace=tx.namespace)
    shown = found[:limit]
    more = str(shown[-1].number) if len(found) > limit else None
    return RunPage(runs=tuple(RunSummary(**_summary(run)) for run in shown), next=more)


def _summary(run: Row[Any]) -> dict[str, Any]:
    return {column.name: getattr(run, column.name) for column in _SUMMARY}


def _step(hop: Row[Any], output: JsonValue) -> StepView:
    return StepView(
        path=hop.path,
        position=hop.position,
        step=hop.topic,
        direction=hop.direction,
        status=hop.status,
        attempt=hop.attempt,
        idempotency_key=f"{hop.workflow_id}:{hop.step_id}:{hop.direction}",
        output=output,
        errors=hop.errors or (),
        reason=hop.reason,
        worker=hop.worker,
        started_at=hop.started_at,
        completed_at=hop.completed_at,
        due_at=None if hop.owner is not None else hop.due_at,
        heartbeat_detail=None if hop.detail is None else from_json(hop.detail),
        heartbeat_at=hop.said_at,
    )


def _json(texts: dict[str, bytes], value: Value | None) -> JsonValue:
    if isinstance(value, Ref):
        return from_json(texts[value.sha256])
    return None if value is None else value.value
