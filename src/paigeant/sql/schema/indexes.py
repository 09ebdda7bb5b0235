"""Indexes of the tables, for comparisons with a database: executing statements does not need them.

Their conditions are written for each dialect, and naming a dialect loads it.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Index, literal_column

from paigeant.sql.schema.calls import approvals, ledger, reservations
from paigeant.sql.schema.installation import access_tokens, dead_letters
from paigeant.sql.schema.stuck import STUCK
from paigeant.sql.schema.tables import run_plans, signals, step_executions, workflow_runs
from paigeant.sql.schema.types import ErrorStep, ErrorType
from paigeant.sql.schema.whole import WHOLE

_steps, _runs = step_executions.c, workflow_runs.c
_open_step, _open_run = _steps.completed_at.is_(None), _runs.completed_at.is_(None)


def _partial(name: str, *columns: ColumnElement[Any], where: Any, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


INDEXES: Final = (
    _partial("step_executions_due", _steps.namespace, _steps.step, _steps.due_at, where=_open_step),
    _partial("step_executions_open", _steps.workflow_id, where=_open_step),
    _partial(
        "step_executions_interrupted",
        _steps.namespace,
        _steps.due_at,
        where=_open_step & (_steps.interruptions > literal_column("0")),
    ),
    _partial("step_executions_hint", _steps.namespace, _steps.hint_at, where=_open_step & _steps.due_at.is_not(None)),
    _partial(
        "step_executions_misfit",
        *(_steps.namespace, _steps.step, _steps.interface, _steps.workflow_id, _steps.path, _steps.position),
        where=_open_step & _steps.interface.is_not(None),
    ),
    _partial("step_executions_stuck", _steps.namespace, _steps.workflow_id, where=STUCK),
    _partial(
        "step_executions_reason",
        *(_steps.namespace, _steps.reason, _steps.workflow_id),
        where=_open_step & _steps.reason.is_not(None),
    ),
    _partial(
        "step_executions_awaits", _steps.namespace, _steps.workflow_id, where=_open_step & _steps.awaits.is_not(None)
    ),
    _partial(
        "step_executions_closing",
        *(_steps.namespace, _steps.workflow_id, _steps.path, _steps.position),
        where=_open_step & _steps.closes.is_not(None),
    ),
    _partial(
        "step_executions_once",
        _steps.workflow_id,
        _steps.step_id,
        _steps.direction,
        where=_steps.status == "completed",
        unique=True,
    ),
    _partial(
        "step_executions_output",
        *(_steps.workflow_id, _steps.step, _steps.path, _steps.position),
        where=(_steps.status == "completed") & (_steps.direction == "execute"),
    ),
    _partial(
        "workflow_runs_dispatch_key",
        _runs.namespace,
        _runs.workflow,
        _runs.dispatch_key,
        where=_runs.dispatch_key.is_not(None),
        unique=True,
    ),
    _partial("workflow_runs_closing", _runs.namespace, _runs.closes_at, where=_open_run & _runs.closes_at.is_not(None)),
    _partial(
        "workflow_runs_ended", _runs.namespace, _runs.status, _runs.completed_at, where=_runs.completed_at.is_not(None)
    ),
    _partial(
        "workflow_runs_error", _runs.namespace, ErrorType(_runs.error), _runs.number, where=_runs.error.is_not(None)
    ),
    _partial(
        "workflow_runs_error_step",
        *(_runs.namespace, ErrorStep(_runs.error), _runs.number),
        where=_runs.error.is_not(None),
    ),
    _partial("workflow_runs_forks", _runs.forked_from, _runs.number, where=_runs.forked_from.is_not(None)),
    _partial("workflow_runs_children", _runs.parent_id, _runs.number, where=_runs.parent_id.is_not(None)),
    _partial(
        "workflow_runs_of_node",
        *(_runs.parent_id, _runs.parent_path, _runs.parent_position, _runs.number),
        where=_runs.parent_id.is_not(None),
    ),
    Index("signals_once", signals.c.workflow_id, signals.c.signal_id, unique=True),
    _partial(
        "signals_kept",
        *(signals.c.workflow_id, signals.c.name, signals.c.number),
        where=signals.c.position.is_(None),
    ),
    Index("run_plans_plan", run_plans.c.namespace, run_plans.c.digest),
    *(
        _partial(f"workflow_runs_{name}", _runs.namespace, _runs[name], _runs.number, where=_runs[name].is_not(None))
        for name in ("tenant", "correlation_id")
    ),
    Index("workflow_runs_number", _runs.namespace, _runs.number),
    Index("workflow_runs_status", _runs.namespace, _runs.status, _runs.number),
    Index("workflow_runs_trace", _runs.namespace, _runs.trace_id),
    Index("workflow_runs_workflow", _runs.namespace, _runs.workflow, _runs.number),
    Index("dead_letters_namespace", dead_letters.c.namespace, dead_letters.c.id),
    Index(
        "approvals_once",
        *(approvals.c[name] for name in ("workflow_id", "step_id", "direction", "epoch", "key")),
        unique=True,
    ),
    _partial("approvals_open", approvals.c.namespace, approvals.c.id, where=approvals.c.status == "open"),
    Index("access_tokens_digest", access_tokens.c.namespace, access_tokens.c.digest, unique=True),
    Index(
        "reservations_call",
        *(reservations.c[name] for name in ("workflow_id", "step_id", "direction", "epoch", "key")),
    ),
    Index("ledger_day", ledger.c.namespace, ledger.c.recorded_at),
    Index("dead_letters_once", dead_letters.c.namespace, dead_letters.c.topic, dead_letters.c.digest, unique=True),
)

__all__ = ["INDEXES", "WHOLE"]
