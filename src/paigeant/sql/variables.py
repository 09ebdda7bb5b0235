"""The variables of runs, and the values behind references."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select

from paigeant.model.values import Blob, Value
from paigeant.sql.hops import keep_blobs
from paigeant.sql.operator import require_writable
from paigeant.sql.tables import values, workflow_runs, workflow_variables
from paigeant.sql.transaction import Tx, chunks

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
_SOME: Final = _ALL.where(variables.name.in_(bindparam("names", expanding=True)))
_VALUES: Final = (
    select(values.c.sha256, values.c.json)
    .join(workflow_runs, workflow_runs.c.workflow_id == values.c.workflow_id)
    .where(_VISIBLE, values.c.sha256.in_(bindparam("digests", expanding=True)))
)


def save_variable(tx: Tx, workflow_id: UUID, name: str, value: Value, blob: Blob | None) -> None:
    """Set a variable; raises UnknownRun and WrongState."""
    require_writable(tx, workflow_id)
    keep_blobs(tx, [] if blob is None else [(workflow_id, blob)])
    row = {"workflow_id": workflow_id, "name": name, "value": value, "updated_at": tx.now}
    tx.upsert(workflow_variables, [row])


def load_variables(tx: Tx, workflow_id: UUID, names: Collection[str] | None) -> dict[str, Value]:
    """Return the variables of these names, or all."""
    about = {"workflow_id": workflow_id, "namespace": tx.namespace}
    if names is None:
        return {row.name: row.value for row in tx.rows(_ALL, **about)}
    return {row.name: row.value for part in chunks(list(names)) for row in tx.rows(_SOME, names=part, **about)}


def load_values(tx: Tx, workflow_id: UUID, digests: Collection[str]) -> dict[str, bytes]:
    """Return the JSON texts behind these digests, as far as they are there."""
    about = {"workflow_id": workflow_id, "namespace": tx.namespace}
    found = (tx.rows(_VALUES, digests=part, **about) for part in chunks(list(digests)))
    return {row.sha256: bytes(row.json) for rows in found for row in rows}
