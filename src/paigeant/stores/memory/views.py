"""Runs as they are seen from outside."""

from __future__ import annotations

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.model.pages import read_place
from paigeant.model.runs import RunPage, RunStatus, RunSummary, RunView, StepView
from paigeant.model.values import Ref, Value
from paigeant.stores.memory.rows import HopRow, Rows, RunRow


def view(rows: Rows, run: RunRow) -> RunView:
    """Return everything about a run."""
    hops = sorted(rows.hops[run.workflow_id].values(), key=lambda hop: (hop.key.position, hop.key.path))
    return RunView(
        **dict(_summary(run)),
        trace_id=run.trace_id,
        dispatch_key=run.dispatch_key,
        deadline=run.deadline,
        cancel_requested=run.cancel,
        input=_json(run, run.input),
        output=_json(run, run.output),
        variables={name: _json(run, value) for name, value in sorted(run.variables.items())},
        steps=tuple(_step(run, hop) for hop in hops),
    )


def page(rows: Rows, status: RunStatus | None, workflow: str | None, limit: int, after: str | None) -> RunPage:
    """Return a page of runs, newest first."""
    before = read_place(after, "runs")
    found = [
        run
        for run in sorted(rows.runs.values(), key=lambda run: -run.place)
        if (before is None or run.place < before)
        and (status is None or run.status is status)
        and (workflow is None or run.workflow == workflow)
    ]
    shown = found[:limit]
    return RunPage(runs=tuple(map(_summary, shown)), next=str(shown[-1].place) if len(found) > limit else None)


def _summary(run: RunRow) -> RunSummary:
    return RunSummary(
        workflow_id=run.workflow_id,
        workflow=run.workflow,
        status=run.status,
        reason=run.reason,
        tenant=run.tenant,
        created_at=run.created_at,
        started_at=run.started_at,
        completed_at=run.completed_at,
        error=run.error,
    )


def _step(run: RunRow, hop: HopRow) -> StepView:
    return StepView(
        path=hop.key.path,
        position=hop.key.position,
        step=hop.topic,
        direction=hop.direction,
        status=hop.status,
        attempt=hop.attempt,
        idempotency_key=f"{run.workflow_id}:{hop.step_id}:{hop.direction}",
        output=_json(run, hop.output),
        errors=tuple(hop.errors),
        reason=hop.reason,
        worker=hop.worker,
        started_at=hop.started_at,
        completed_at=hop.completed_at,
        due_at=None if hop.owner is not None else hop.due_at,
        heartbeat_detail=None if hop.detail is None else from_json(hop.detail),
        heartbeat_at=hop.detail_at,
    )


def _json(run: RunRow, value: Value | None) -> JsonValue:
    if isinstance(value, Ref):
        return from_json(run.values[value.sha256])
    return None if value is None else value.value
