"""Statements of evidence: all signed data of a run, and all data that must agree with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Text, bindparam, select, type_coerce

from paigeant.model.custody.evidence import Evidence, HopEvidence, SetVariable
from paigeant.model.message import HopKey
from paigeant.model.routing_slip import Compensation
from paigeant.protocol.operate import unknown
from paigeant.protocol.proof import find_lost
from paigeant.sql.execution.keys import unindexed
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import (
    Columns,
    plans,
    run_plans,
    step_executions,
    values,
    workflow_runs,
    workflow_variables,
)
from paigeant.sql.statements.custody.deeds import load_deeds
from paigeant.sql.statements.custody.notes import load_histories, load_notes
from paigeant.sql.statements.custody.records import load_records
from paigeant.sql.statements.run_status import STATUS

runs: Columns = workflow_runs.c
steps: Columns = step_executions.c
variables: Columns = workflow_variables.c

_RUN: Final = (
    select(runs.workflow, STATUS.label("status"), runs.input, runs.output, runs.edited)
    .add_columns(runs.parent_id, runs.parent_path, runs.parent_position)
    .add_columns(runs.tenant, runs.dispatch_key, runs.trace_id)
    .where(runs.workflow_id == bindparam("workflow_id"), unindexed(runs.namespace == bindparam("namespace")))
)
_VALUES: Final = select(values.c.sha256, values.c.json).where(values.c.workflow_id == bindparam("workflow_id"))
_PLANS: Final = (
    select(run_plans.c.digest, plans.c.entries)
    .join_from(run_plans, plans, (plans.c.namespace == run_plans.c.namespace) & (plans.c.digest == run_plans.c.digest))
    .where(run_plans.c.workflow_id == bindparam("workflow_id"))
)
_COMPENSATIONS: Final = TypeAdapter(tuple[Compensation, ...])
_PARENT: Final = select(runs.parent_id).where(runs.workflow_id == bindparam("workflow_id"))
_HOPS: Final = (
    select(
        *(steps.path, steps.position, steps.step, steps.step_id, steps.direction, steps.status, steps.fence),
        *(steps.completed_at, steps.input, steps.output, steps.log, steps.error, steps.body, steps.revision),
        type_coerce(steps.undo_before, Text).label("undo_before"),
    )
    .where(steps.workflow_id == bindparam("workflow_id"))
    .order_by(steps.position, steps.path)
)
_VARIABLES: Final = select(variables.name, variables.path, variables.position, variables.value).where(
    variables.workflow_id == bindparam("workflow_id")
)


def load_evidence(tx: Tx, workflow_id: UUID) -> Evidence:
    """Return the stored evidence of a run; raises UnknownRun."""
    found = tx.rows(_RUN, workflow_id=workflow_id, namespace=tx.namespace)
    if not found:
        raise unknown(workflow_id)
    [run] = found
    histories = load_histories(tx, workflow_id)
    evidence = Evidence(
        *(workflow_id, run.workflow, run.status, run.input, run.output, bool(run.edited)),
        hops=[_hop(workflow_id, row, histories) for row in tx.rows(_HOPS, workflow_id=workflow_id)],
        variables=[SetVariable(*row) for row in tx.rows(_VARIABLES, workflow_id=workflow_id)],
        records=load_records(tx, workflow_id),
        deeds=[deed for each in _with_parents(tx, workflow_id) for deed in load_deeds(tx, each, 0)],
        origin={"tenant": run.tenant, "key": run.dispatch_key, "trace": run.trace_id},
        parent=None if run.parent_id is None else HopKey(run.parent_id, run.parent_path, run.parent_position),
        notes=load_notes(tx, workflow_id),
    )
    stored = {row.sha256: bytes(row.json) for row in tx.rows(_VALUES, workflow_id=workflow_id)}
    kept = {row.digest: bytes(row.entries) for row in tx.rows(_PLANS, workflow_id=workflow_id)}
    return evidence._replace(lost=find_lost(evidence, stored), plans=kept)


def _with_parents(tx: Tx, workflow_id: UUID) -> list[UUID]:
    """Return a run, and the runs that contain it."""
    found = [workflow_id]
    while rows := [row for row in tx.rows(_PARENT, workflow_id=found[-1]) if row.parent_id is not None]:
        found.append(rows[0].parent_id)
    return found


def _hop(workflow_id: UUID, row: Any, histories: Mapping[tuple[str, int], str]) -> HopEvidence:
    return HopEvidence(
        HopKey(workflow_id, row.path, row.position),
        *(row.step, row.step_id.hex, row.direction, row.status, row.fence, row.completed_at is None),
        *(row.input, row.output, row.log, _undo(row.undo_before), row.error, row.body or None),
        row.revision,
        histories.get((row.path, row.position)),
    )


def _undo(text: str | None) -> Sequence[Compensation] | str | None:
    """Return the compensations after a hop; the plain text, if it is unreadable."""
    try:
        return None if text is None else _COMPENSATIONS.validate_json(text)
    except ValueError:
        return text
