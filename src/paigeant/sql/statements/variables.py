"""The variables of runs, and the values behind references."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select

from paigeant.model.values import Blob, Value
from paigeant.sql.execution.keys import names_of, wanted
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import values, workflow_runs, workflow_variables
from paigeant.sql.statements.hops import keep_blobs
from paigeant.sql.statements.operate import require_writable

variables = workflow_variables.c
_VISIBLE: Final = (workflow_runs.c.workflow_id == bindparam("workflow_id")) & (
    workflow_runs.c.namespace == bindparam("namespace")
)
_ALL: Final = (
    select(variables.name, variables.value)
    .join(workflow_runs, workflow_runs.c.workflow_id == variables.workflow_id)
    .where(_VISIBLE)
    .order_by(variables.name)
)
_WANTED: Final = PreparedStatement(
    select(variables.workflow_id, variables.name, variables.value, workflow_runs.c.namespace)
    .join_from(
        wanted,
        workflow_variables,
        (variables.workflow_id == wanted.c.workflow_id) & (variables.name == wanted.c.name),
    )
    .join(workflow_runs, workflow_runs.c.workflow_id == variables.workflow_id)
)
_VALUES: Final = PreparedStatement(
    select(values.c.sha256, values.c.json, workflow_runs.c.namespace)
    .join_from(wanted, values, (values.c.workflow_id == wanted.c.workflow_id) & (values.c.sha256 == wanted.c.name))
    .join(workflow_runs, workflow_runs.c.workflow_id == values.c.workflow_id)
)
"""Whether the runs are of this namespace is decided outside, or SQLite would walk through all that are."""


def save_variable(tx: Tx, workflow_id: UUID, name: str, value: Value, blob: Blob | None) -> None:
    """Set a variable; raises UnknownRun and WrongState."""
    require_writable(tx, workflow_id)
    keep_blobs(tx, [] if blob is None else [(workflow_id, blob)])
    row = {"workflow_id": workflow_id, "name": name, "value": value, "updated_at": tx.now}
    tx.upsert(workflow_variables, [row])


def load_variables(tx: Tx, workflow_id: UUID) -> dict[str, Value]:
    """Return all variables of a run."""
    return {row.name: row.value for row in tx.rows(_ALL, workflow_id=workflow_id, namespace=tx.namespace)}


def load_wanted(tx: Tx, questions: Sequence[tuple[UUID, Collection[str]]]) -> list[dict[str, Value]]:
    """Return the variables of these names of each of these runs, as far as they are there."""
    names = [(workflow_id, name) for workflow_id, names in questions for name in names]
    found = {
        (row.workflow_id, row.name): row.value
        for row in tx.rows(_WANTED, names=names_of(names))
        if row.namespace == tx.namespace
    }
    return [
        {name: found[workflow_id, name] for name in names if (workflow_id, name) in found}
        for workflow_id, names in questions
    ]


def load_values(tx: Tx, workflow_id: UUID, digests: Collection[str]) -> dict[str, bytes]:
    """Return the JSON texts behind these digests, as far as they are there."""
    rows = tx.rows(_VALUES, names=names_of((workflow_id, digest) for digest in digests))
    return {row.sha256: bytes(row.json) for row in rows if row.namespace == tx.namespace}
