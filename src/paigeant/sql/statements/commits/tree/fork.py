"""Forks: runs that begin with the history of another before a place.

History before the place does not change any more, so that the database copies it while the source goes on. Only then is
the source locked briefly: it must still exist, so that everything was copied before it was pruned, and the step at the
place may be recording checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Insert, Table, Uuid, bindparam, exists, literal, null, select, update

from paigeant.model.entries.for_each import ForEach
from paigeant.model.entries.parallel import Parallel
from paigeant.model.fan.joins import under
from paigeant.model.runs import Direction
from paigeant.model.stored.forks import INHERITED, Fork
from paigeant.protocol import holds
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, run_plans, step_executions, values, workflow_runs, workflow_variables
from paigeant.sql.statements.commits.begun import ADD, run_row, write_first
from paigeant.sql.statements.commits.checkpoints import inherit_checkpoints
from paigeant.sql.statements.commits.histories import inherit_histories
from paigeant.sql.statements.commits.join_rows import begins
from paigeant.sql.statements.commits.tree.resuming import find
from paigeant.sql.statements.custody.records import keep_beginning

runs: Columns = workflow_runs.c
_steps, _sets = step_executions.c, workflow_variables.c
_NEW: Final = bindparam("new", type_=Uuid())
_SOURCE: Final = bindparam("source", type_=Uuid())
_FORWARD: Final = _steps.direction == literal(Direction.EXECUTE.value)
_BACK: Final = exists().where(
    *(_steps.workflow_id == _SOURCE, _steps.path == _sets.path, _steps.position == _sets.position),
    _steps.direction == literal(Direction.COMPENSATE.value),
)


def _copying(table: Table, *which: Any, **instead: Any) -> Insert:
    """Return the statement that copies rows of a run to a new one, with some columns replaced."""
    columns = {"workflow_id": _NEW, **{name: null() if value is None else value for name, value in instead.items()}}
    chosen = [columns.get(column.name, column) for column in table.c]
    return table.insert().from_select(
        [column.name for column in table.c], select(*chosen).where(table.c.workflow_id == _SOURCE, *which)
    )


def _at(own: Columns, *which: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the conditions of history before a place: on the trunk, and in the branches of one node."""
    return (own.path == literal(""), own.position < bindparam("before"), *which), (begins(own.path), *which)


_INHERITED: Final[Mapping[str, Any]] = {
    name: literal(value) if value is not None else None for name, value in holds.inherit()._asdict().items()
}
_HOPS: Final = [
    _copying(step_executions, *which, **_INHERITED) for which in _at(_steps, _FORWARD, _steps.completed_at.is_not(None))
]
_VARIABLES: Final = [_copying(workflow_variables, *which) for which in _at(_sets, ~_BACK)]
_NODES: Final = select(_steps.position).where(
    *(_steps.workflow_id == _SOURCE, _steps.path == literal(""), _steps.position < bindparam("before")),
    _steps.kind.in_([Parallel.kind, ForEach.kind]),
)
_EDIT_OUTPUT: Final = (
    update(step_executions)
    .where(_steps.workflow_id == _NEW, _steps.path == literal(""), _steps.position == bindparam("at"))
    .values(output=bindparam("edited"))
)
_EDIT_VARIABLE: Final = (
    update(workflow_variables)
    .where(_sets.workflow_id == _NEW, _sets.path == literal(""), _sets.position == bindparam("at"))
    .where(_sets.name == bindparam("named"))
    .values(value=bindparam("edited"))
)
_OF_ALL: Final = tuple(_copying(table) for table in (values, run_plans))
_SAY_FORKED: Final = (
    update(workflow_runs)
    .where(runs.workflow_id == bindparam("b_run"))
    .values(forked_from=bindparam("b_source"), forked_at=bindparam("b_before"))
)


def record_fork(tx: Tx, fork: Fork) -> None:
    """Write a run that inherits another run's history before a place; raises UnknownRun."""
    source, new = fork.source, fork.start.workflow_id
    tx.many(ADD, [run_row(tx, fork.start)])
    tx.connection.execute(_SAY_FORKED, {"b_run": new, "b_source": source, "b_before": fork.before})
    for statement in _OF_ALL:
        tx.connection.execute(statement, {"new": new, "source": source})
    for copies in (_HOPS, _VARIABLES):
        _copy(tx, fork, copies)
    _edit(tx, fork)
    find(tx, source)
    inherit_histories(tx, fork)
    write_first(tx, fork.start)
    if fork.record is not None:
        keep_beginning(tx, new, fork.record, INHERITED)
    if fork.keeps:
        inherit_checkpoints(tx, fork)


def _copy(tx: Tx, fork: Fork, copies: Sequence[Insert]) -> None:
    """Copy the trunk before the place, and the branches of each node on it."""
    of_trunk, of_branches = copies
    about = {"new": fork.start.workflow_id, "source": fork.source}
    tx.connection.execute(of_trunk, {**about, "before": fork.before})
    for node in tx.rows(_NODES, source=fork.source, before=fork.before):
        tx.connection.execute(of_branches, {**about, "prefix": under("", node.position)})


def _edit(tx: Tx, fork: Fork) -> None:
    new = fork.start.workflow_id
    for position, output in fork.outputs.items():
        tx.connection.execute(_EDIT_OUTPUT, {"new": new, "at": position, "edited": output})
    for (position, name), value in fork.variables.items():
        tx.connection.execute(_EDIT_VARIABLE, {"new": new, "at": position, "named": name, "edited": value})
