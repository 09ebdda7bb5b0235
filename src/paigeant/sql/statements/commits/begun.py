"""Rows of a run that begins, by a dispatch or as a child run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from paigeant.model.hops import RunStart
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import OPEN_RUN, workflow_runs
from paigeant.sql.statements.commits.plans import keep_plans
from paigeant.sql.statements.custody.grants import keep_grants
from paigeant.sql.statements.custody.records import keep_dispatches
from paigeant.sql.statements.hops import NOBODY, NewTwin, add_passed, add_twins, keep_blobs

ADD: Final = PreparedStatement(workflow_runs.insert())


def write_first(tx: Tx, *fresh: RunStart) -> None:
    """Write the first rows of runs: values, plans, passed entries, grants, and first twins."""
    keep_blobs(tx, [(one.workflow_id, blob) for one in fresh for blob in one.blobs])
    keep_plans(tx, [(one.workflow_id, one.plan) for one in fresh if one.plan is not None])
    add_passed(tx, [(one.twin.key, passed) for one in fresh for passed in one.passed])
    add_twins(tx, [NewTwin(one.twin, *(one.taker or NOBODY)) for one in fresh])
    keep_dispatches(tx, fresh)
    keep_grants(tx, fresh)


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
