"""Starts of runs in one statement, with their first twins: those without a dispatch key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import TypeEngine

from paigeant.model.hops import RunStart, Started
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.custody import records
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.statements.at_once.commit import TWIN, new_twin, next_hop, record_columns, signed
from paigeant.sql.statements.at_once.table import NOW, ZERO, given_table, lists_of, written
from paigeant.sql.statements.commits.begun import run_row
from paigeant.sql.statements.custody.records import RECORD
from paigeant.sql.statements.hops import steps
from paigeant.sql.statements.start import first_grant

runs: Columns = workflow_runs.c

_RUN: Final = (
    *("workflow_id", "namespace", "workflow", "tenant", "correlation_id", "trace_id"),
    *("input", "input_sha256"),
    *("status", "deadline", "closes_at", "created_at"),
)
_NODE: Final = ("kind", "label")
_OF_RUN: Final[dict[str, TypeEngine[Any]]] = {f"run_{name}": runs[name].type for name in _RUN}
_GIVEN: Final[dict[str, TypeEngine[Any]]] = {
    "workflow_id": steps.workflow_id.type,
    **_OF_RUN,
    **{name: steps[name].type for name in (*TWIN, *_NODE)},
    **{f"record_{name}": records.c[name].type for name in RECORD},
}


def starts_fit(starts: Sequence[RunStart]) -> bool:
    """True if one statement can do it: no dispatch key, value, plan, grant or passed entry, and no run twice."""
    more = any(one.dispatch_key is not None or one.blobs or one.plan or one.passed or one.grant for one in starts)
    return not more and len({one.workflow_id for one in starts}) == len(starts)


def start_at_once(tx: Tx, starts: Sequence[RunStart]) -> list[Started]:
    """Write the runs; raises the database's error for an existing run."""
    rows = [_row(tx.at(ZERO), one) for one in starts]
    [done] = tx.rows(_START, namespace=tx.namespace, **lists_of("given", _GIVEN, rows))
    then = tx.at(done.now)
    return [Started(one.workflow_id, True, first_grant(then, one) if one.taker else None) for one in starts]  # noqa: FBT003


def _row(tx: Tx, one: RunStart) -> dict[str, Any]:
    run = {f"run_{name}": value for name, value in run_row(tx, one).items()}
    twin = {**new_twin(one.twin, one.taker), "kind": one.twin.kind, "label": one.twin.label}
    return {**run, "workflow_id": one.workflow_id, **twin, **record_columns(one.record)}


def _start() -> PreparedStatement:
    given = given_table("given", _GIVEN)
    made = insert(workflow_runs).from_select(list(_RUN), select(*written(given, _OF_RUN).values())).cte("runs")
    columns = next_hop(given, position=literal(1), **{name: given.c[name] for name in _NODE})
    twins = insert(step_executions).from_select(list(columns), select(*columns.values())).cte("twins")
    records_kept = signed(given, position=literal(0), fence=literal(0))
    return PreparedStatement(select(NOW.label("now")).add_cte(made, twins, records_kept))


_START: Final = _start()
