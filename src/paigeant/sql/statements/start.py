"""Runs begin here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import bindparam, select, tuple_

from paigeant.model.hops import RunStart, Started
from paigeant.protocol.starts import RunName, match_starts
from paigeant.protocol.states import KnownRun
from paigeant.sql.execution.keys import run_list, runs_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx, chunks
from paigeant.sql.schema.tables import OPEN_RUN, Columns, workflow_runs
from paigeant.sql.statements.commits.plans import keep_plans
from paigeant.sql.statements.custody.records import keep_dispatches
from paigeant.sql.statements.hops import add_passed, add_twins, keep_blobs

runs: Columns = workflow_runs.c

_IDENTITY = select(runs.workflow_id, runs.namespace, runs.workflow, runs.dispatch_key, runs.input_sha256)
_BY_ID: Final = PreparedStatement(
    _IDENTITY.join_from(run_list, workflow_runs, runs.workflow_id == run_list.c.workflow_id)
)
_ADD: Final = PreparedStatement(workflow_runs.insert())
_BY_KEY: Final = _IDENTITY.where(
    runs.namespace == bindparam("namespace"),
    tuple_(runs.workflow, runs.dispatch_key).in_(bindparam("keys", expanding=True)),
)


def record_workflow_start(tx: Tx, starts: Sequence[RunStart]) -> list[Started]:
    """Write runs with their first twins, all or none; a repeat gets the run that is there."""
    answers = match_starts(starts, _known(tx, starts))
    _write(tx, [one for one, answer in zip(starts, answers, strict=True) if answer.fresh])
    return answers


def _known(tx: Tx, starts: Sequence[RunStart]) -> dict[RunName, KnownRun]:
    """Return the runs that these ids and dispatch keys have already."""
    known: dict[RunName, KnownRun] = {}
    for part in chunks(starts):
        for row in tx.rows(_BY_ID, runs=runs_of(one.workflow_id for one in part)):
            if row.namespace == tx.namespace:
                known[row.workflow_id] = row
        keys = [(one.workflow, one.dispatch_key) for one in part if one.dispatch_key is not None]
        for row in tx.rows(_BY_KEY, namespace=tx.namespace, keys=keys) if keys else ():
            known[row.workflow, row.dispatch_key] = row
    return known


def _write(tx: Tx, fresh: Sequence[RunStart]) -> None:
    tx.many(_ADD, [run_row(tx, one) for one in fresh])
    keep_blobs(tx, [(one.workflow_id, blob) for one in fresh for blob in one.blobs])
    keep_plans(tx, [(one.workflow_id, one.plan) for one in fresh if one.plan is not None])
    add_passed(tx, [(one.twin.key, passed) for one in fresh for passed in one.passed])
    add_twins(tx, [(one.twin, None, timedelta(0)) for one in fresh])
    keep_dispatches(tx, fresh)


def run_row(tx: Tx, one: RunStart) -> dict[str, Any]:
    """Return the row of a run that begins now."""
    deadline = None if one.deadline is None else tx.now + timedelta(seconds=one.deadline)
    return {
        "workflow_id": one.workflow_id,
        "namespace": tx.namespace,
        "workflow": one.workflow,
        "tenant": one.tenant,
        "dispatch_key": one.dispatch_key,
        "correlation_id": one.correlation_id,
        "trace_id": one.trace_id,
        "input": one.input,
        "input_sha256": one.input_sha256,
        "status": OPEN_RUN,
        "deadline": deadline,
        "closes_at": deadline,
        "created_at": tx.now,
    }
