"""The variables of runs, and the values behind references."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, func, select, update

from paigeant.model.message import lineage
from paigeant.model.values.values import Blob, Value
from paigeant.sql.execution.keys import names_of, wanted
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, values, workflow_runs, workflow_variables
from paigeant.sql.statements.hops import keep_blobs, steps
from paigeant.sql.statements.operate import require_writable

variables: Columns = workflow_variables.c


class Wanted(NamedTuple):
    """A question for the variables of some names, as they are seen on a path of a run."""

    workflow_id: UUID
    names: Collection[str]
    path: str


_VISIBLE: Final = (workflow_runs.c.workflow_id == bindparam("workflow_id")) & (
    workflow_runs.c.namespace == bindparam("namespace")
)
_later: Final = workflow_variables.alias("later")
_NEWEST: Final = variables.position == (
    select(func.max(_later.c.position))
    .where(
        _later.c.workflow_id == variables.workflow_id, _later.c.name == variables.name, _later.c.path == variables.path
    )
    .correlate(workflow_variables)
    .scalar_subquery()
)
"""Nothing was set under this name later on this path."""

_ALL: Final = (
    select(variables.name, variables.path, variables.value)
    .join(workflow_runs, workflow_runs.c.workflow_id == variables.workflow_id)
    .where(_VISIBLE, variables.path.in_(bindparam("paths", expanding=True)), _NEWEST)
    .order_by(variables.name)
)
_WANTED: Final = PreparedStatement(
    select(variables.workflow_id, variables.name, variables.path, variables.value, workflow_runs.c.namespace)
    .join_from(
        wanted,
        workflow_variables,
        (variables.workflow_id == wanted.c.workflow_id)
        & (variables.name == wanted.c.name)
        & (variables.path == wanted.c.path),
    )
    .join(workflow_runs, workflow_runs.c.workflow_id == variables.workflow_id)
    .where(_NEWEST)
)
_BEFORE_THE_NEWEST: Final = PreparedStatement(
    select(func.max(steps.position) - 1).where(steps.workflow_id == bindparam("workflow_id"), steps.path == "")
)
_EDITED: Final = PreparedStatement(
    update(workflow_runs).where(workflow_runs.c.workflow_id == bindparam("b_workflow_id")).values(edited=True)
)
_VALUES: Final = PreparedStatement(
    select(values.c.sha256, values.c.json, workflow_runs.c.namespace)
    .join_from(wanted, values, (values.c.workflow_id == wanted.c.workflow_id) & (values.c.sha256 == wanted.c.name))
    .join(workflow_runs, workflow_runs.c.workflow_id == values.c.workflow_id)
)
"""Whether the runs are of this namespace is decided outside, or SQLite would walk through all that are."""


def save_variable(tx: Tx, workflow_id: UUID, name: str, value: Value, blob: Blob | None) -> None:
    """Set a variable, as if the hop before the newest had set it last; raises UnknownRun and WrongState."""
    require_writable(tx, workflow_id)
    keep_blobs(tx, [] if blob is None else [(workflow_id, blob)])
    position = tx.scalar(_BEFORE_THE_NEWEST, workflow_id=workflow_id)
    place = {"workflow_id": workflow_id, "path": "", "position": position}
    tx.upsert(workflow_variables, [{**place, "name": name, "value": value, "updated_at": tx.now}])
    tx.many(_EDITED, [{"b_workflow_id": workflow_id}])


def load_variables(tx: Tx, workflow_id: UUID, path: str = "") -> dict[str, Value]:
    """Return all variables of a run, as they are seen on a path."""
    paths = lineage(path)
    rows = tx.rows(_ALL, workflow_id=workflow_id, namespace=tx.namespace, paths=paths)
    rows = sorted(rows, key=lambda row: -paths.index(row.path))  # what is nearest is last, and wins
    return {row.name: row.value for row in rows}


def load_wanted(tx: Tx, questions: Sequence[Wanted]) -> list[dict[str, Value]]:
    """Return, for each question, the variables of its names as they are seen on its path, as far as they are there."""
    places = [(one.workflow_id, name, path) for one in questions for name in one.names for path in lineage(one.path)]
    found = {
        (row.workflow_id, row.name, row.path): row.value
        for row in tx.rows(_WANTED, names=names_of(places))
        if row.namespace == tx.namespace
    }
    return [_seen(found, one) for one in questions]


def _seen(found: Mapping[tuple[UUID, str, str], Value], one: Wanted) -> dict[str, Value]:
    seen: dict[str, Value] = {}
    for name in one.names:
        places = ((one.workflow_id, name, path) for path in lineage(one.path))
        nearest = next((found[place] for place in places if place in found), None)
        if nearest is not None:
            seen[name] = nearest
    return seen


def load_values(tx: Tx, workflow_id: UUID, digests: Collection[str]) -> dict[str, bytes]:
    """Return the JSON texts behind these digests, as far as they are there."""
    rows = tx.rows(_VALUES, names=names_of((workflow_id, digest, "") for digest in digests))
    return {row.sha256: bytes(row.json) for row in rows if row.namespace == tx.namespace}
