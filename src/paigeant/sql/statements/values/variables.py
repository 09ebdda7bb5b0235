"""Statements of variables, and of values behind references."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
    update,
)

from paigeant.model.message import lineage
from paigeant.model.values.values import Blob, Value
from paigeant.protocol.variables import seen, set_at
from paigeant.sql.execution.keys import list_of, names_of, one_of, unindexed, wanted
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, step_executions, values, workflow_runs, workflow_variables
from paigeant.sql.statements.hops import keep_blobs, steps
from paigeant.sql.statements.operate import require_writable

_Query: TypeAlias = Select[Any, *tuple[Any, ...]]

variables: Columns = workflow_variables.c


class Wanted(NamedTuple):
    """Query of the variables of some names, visible on a path of a run."""

    workflow_id: UUID
    names: Collection[str]
    path: str


_VISIBLE: Final = (workflow_runs.c.workflow_id == bindparam("workflow_id")) & (
    unindexed(workflow_runs.c.namespace == bindparam("namespace"))
)
_later: Final = workflow_variables.alias("later")
_later_hop: Final = step_executions.alias("later_hop")


def _newest(later: Any, name: Any, this: Any, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that nothing was written under this name later on this path."""
    same = (later.c.workflow_id == this.c.workflow_id, later.c[name] == this.c[name], later.c.path == this.c.path)
    newest = select(func.max(later.c.position)).where(*same, *where).correlate(this).scalar_subquery()
    return this.c.position == newest


def _done(hop: Any) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a hop's output is a variable: literals as in the index, which no parameter matches."""
    return hop.c.status == literal_column("'completed'"), hop.c.direction == literal_column("'execute'")


_SETS: Final = (
    select(variables.workflow_id, variables.name, variables.path, variables.position)
    .add_columns(literal_column("1", Integer()).label("stated"), variables.value, workflow_runs.c.namespace)
    .join(workflow_runs, workflow_runs.c.workflow_id == variables.workflow_id)
    .where(_newest(_later, "name", workflow_variables))
)
_OUTPUT: Final = (
    *(steps.workflow_id, steps.step.label("name"), steps.path, steps.position),
    *(literal_column("0", Integer()).label("stated"), steps.output.label("value"), steps.namespace),
)
_OUTPUTS: Final = select(*_OUTPUT).where(
    *_done(step_executions), _newest(_later_hop, "step", step_executions, *_done(_later_hop))
)
_newest_wanted: Final = (
    select(func.max(_later_hop.c.position))
    .where(
        *(_later_hop.c.workflow_id == wanted.c.workflow_id, _later_hop.c.step == wanted.c.name),
        *(_later_hop.c.path == wanted.c.path, *_done(_later_hop)),
    )
    .correlate(wanted)
    .scalar_subquery()
)
_WANTED_OUTPUTS: Final = select(*_OUTPUT).join_from(
    wanted,
    step_executions,
    (steps.workflow_id == wanted.c.workflow_id) & (steps.path == wanted.c.path) & (steps.position == _newest_wanted),
)
"""Lookup by key. A condition of a partial index on the joined rows would tempt a planner without statistics to walk
through the outputs of all runs."""


def _both(sets: _Query, outputs: _Query) -> _Query:
    """Return the query of set variables and outputs, with the columns of ``protocol.variables.Written``."""
    return select(union_all(sets, outputs).subquery("written"))


_ALL: Final = PreparedStatement(
    _both(
        _SETS.where(_VISIBLE, one_of(variables.path, "paths")),
        _OUTPUTS.where(
            steps.workflow_id == bindparam("workflow_id"),
            unindexed(steps.namespace == bindparam("namespace")),
            one_of(steps.path, "paths"),
        ),
    )
)
_WANTED: Final = PreparedStatement(
    _both(
        _SETS.join(
            wanted,
            (variables.workflow_id == wanted.c.workflow_id)
            & (variables.name == wanted.c.name)
            & (variables.path == wanted.c.path),
        ),
        _WANTED_OUTPUTS,
    )
)
_NEWEST: Final = PreparedStatement(
    select(func.max(steps.position)).where(steps.workflow_id == bindparam("workflow_id"), steps.path == "")
)
_SET_AT: Final = PreparedStatement(
    select(func.count()).where(
        *(variables.workflow_id == bindparam("workflow_id"), variables.path == ""),
        *(variables.position == bindparam("position"), variables.name == bindparam("name")),
    )
)
_EDITED: Final = PreparedStatement(
    update(workflow_runs).where(workflow_runs.c.workflow_id == bindparam("b_workflow_id")).values(edited=True)
)
_VALUES: Final = PreparedStatement(
    select(values.c.sha256, values.c.json, workflow_runs.c.namespace)
    .join_from(wanted, values, (values.c.workflow_id == wanted.c.workflow_id) & (values.c.sha256 == wanted.c.name))
    .join(workflow_runs, workflow_runs.c.workflow_id == values.c.workflow_id)
)
"""The namespace of the runs is checked outside, or SQLite would walk through all runs of it."""


def save_variable(tx: Tx, workflow_id: UUID, name: str, value: Value, blob: Blob | None) -> None:
    """Set a variable as of the hop before the newest; raises UnknownRun and WrongState."""
    require_writable(tx, workflow_id)
    keep_blobs(tx, [] if blob is None else [(workflow_id, blob)])
    newest = tx.scalar(_NEWEST, workflow_id=workflow_id)
    sets_it = tx.scalar(_SET_AT, workflow_id=workflow_id, position=newest, name=name)
    place = {"workflow_id": workflow_id, "path": "", "position": set_at(newest, sets_it=bool(sets_it))}
    tx.upsert(workflow_variables, [{**place, "name": name, "value": value, "updated_at": tx.now}])
    tx.many(_EDITED, [{"b_workflow_id": workflow_id}])


def load_variables(tx: Tx, workflow_id: UUID, path: str = "") -> dict[str, Value]:
    """Return all variables of a run that are visible on a path."""
    return seen(load_on_paths(tx, workflow_id, lineage(path)), path)


def load_on_paths(tx: Tx, workflow_id: UUID, paths: Collection[str]) -> Sequence[Any]:
    """Return the newest variables that were set on each of these paths, including outputs."""
    return tx.rows(_ALL, workflow_id=workflow_id, namespace=tx.namespace, paths=list_of(paths))


def load_wanted(tx: Tx, questions: Sequence[Wanted]) -> list[dict[str, Value]]:
    """Return, for each query, the variables of its names that are visible on its path."""
    places = [(one.workflow_id, name, path) for one in questions for name in one.names for path in lineage(one.path)]
    found: dict[UUID, list[Any]] = {}
    for row in tx.rows(_WANTED, names=names_of(places)):
        if row.namespace == tx.namespace:
            found.setdefault(row.workflow_id, []).append(row)
    return [
        seen([row for row in found.get(one.workflow_id, ()) if row.name in one.names], one.path) for one in questions
    ]


def load_values(tx: Tx, workflow_id: UUID, digests: Collection[str]) -> dict[str, bytes]:
    """Return the JSON texts with these digests; missing ones are left out."""
    if not digests:
        return {}
    rows = tx.rows(_VALUES, names=names_of((workflow_id, digest, "") for digest in digests))
    return {row.sha256: bytes(row.json) for row in rows if row.namespace == tx.namespace}
