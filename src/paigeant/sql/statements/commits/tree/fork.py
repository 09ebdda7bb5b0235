"""Forks: runs that begin with what another had before a place."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Uuid, bindparam, select, update

from paigeant.model.stored.forks import Fork, Named
from paigeant.protocol import holds
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, run_plans, step_executions, values, workflow_runs, workflow_variables
from paigeant.sql.statements.commits.begun import ADD, run_row, write_first
from paigeant.sql.statements.commits.checkpoints import inherit_checkpoints
from paigeant.sql.statements.commits.histories import inherit_histories
from paigeant.sql.statements.commits.tree.resuming import find

runs: Columns = workflow_runs.c
_steps, _sets = step_executions.c, workflow_variables.c
_BEHIND: Final = select(*_steps).where(_steps.workflow_id == bindparam("source"), _steps.completed_at.is_not(None))
_SET: Final = select(*_sets).where(_sets.workflow_id == bindparam("source"))
_INHERIT: Final = step_executions.insert()
_NEW: Final = bindparam("new", type_=Uuid())
_SOURCE: Final = bindparam("source", type_=Uuid())
_COPY_VALUES: Final = values.insert().from_select(
    ["workflow_id", "sha256", "json"],
    select(_NEW, values.c.sha256, values.c.json).where(values.c.workflow_id == _SOURCE),
)
_COPY_PLANS: Final = run_plans.insert().from_select(
    ["workflow_id", "digest", "namespace"],
    select(_NEW, run_plans.c.digest, run_plans.c.namespace).where(run_plans.c.workflow_id == _SOURCE),
)
_SAY_FORKED: Final = (
    update(workflow_runs)
    .where(runs.workflow_id == bindparam("b_run"))
    .values(forked_from=bindparam("b_source"), forked_at=bindparam("b_before"))
)


def record_fork(tx: Tx, fork: Fork) -> None:
    """Write a run that inherits what another had before a place; raises UnknownRun."""
    source, new = fork.source, fork.start.workflow_id
    find(tx, source)
    tx.many(ADD, [run_row(tx, fork.start)])
    tx.connection.execute(_SAY_FORKED, {"b_run": new, "b_source": source, "b_before": fork.before})
    tx.connection.execute(_COPY_VALUES, {"new": new, "source": source})
    tx.connection.execute(_COPY_PLANS, {"new": new, "source": source})
    tx.many(_INHERIT, [_inherited(fork, row) for row in tx.rows(_BEHIND, source=source) if _is_theirs(fork, row)])
    tx.upsert(workflow_variables, [_set(fork, row) for row in tx.rows(_SET, source=source) if _is_theirs(fork, row)])
    inherit_histories(tx, fork)
    write_first(tx, fork.start)
    if fork.keeps:
        inherit_checkpoints(tx, fork)


def _is_theirs(fork: Fork, row: Any) -> bool:
    return fork.inherits(row.path, row.position)


def _inherited(fork: Fork, row: Any) -> dict[str, Any]:
    """Return the row of a hop as the fork inherits it: what it came to, and nothing to be undone."""
    columns = {**row._asdict(), "workflow_id": fork.start.workflow_id}
    if not row.path and row.position in fork.outputs:
        columns["output"] = fork.outputs[row.position]
    return columns | holds.inherit()._asdict()


def _set(fork: Fork, row: Any) -> dict[str, Any]:
    replaced = None if row.path else fork.variables.get(Named(row.position, row.name))
    value = row.value if replaced is None else replaced
    return {**row._asdict(), "workflow_id": fork.start.workflow_id, "value": value}
