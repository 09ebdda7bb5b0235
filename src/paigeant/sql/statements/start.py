"""Runs begin here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Uuid, bindparam, select, tuple_, update

from paigeant.model.hops import Grant, RunStart, Started, Taker
from paigeant.model.stored.forks import Fork, Named
from paigeant.protocol import holds
from paigeant.protocol import starts as protocol
from paigeant.protocol.starts import RunName, match_starts
from paigeant.protocol.states import KnownRun
from paigeant.sql.execution.keys import run_list, runs_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx, chunks
from paigeant.sql.schema.tables import (
    OPEN_RUN,
    Columns,
    run_plans,
    step_executions,
    values,
    workflow_runs,
    workflow_variables,
)
from paigeant.sql.statements.commits.checkpoints import inherit_checkpoints
from paigeant.sql.statements.commits.histories import inherit_histories
from paigeant.sql.statements.commits.judged import given_before
from paigeant.sql.statements.commits.plans import keep_plans
from paigeant.sql.statements.custody.records import keep_dispatches
from paigeant.sql.statements.hops import NewTwin, add_passed, add_twins, keep_blobs
from paigeant.sql.statements.operate import find

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


def record_workflow_start(tx: Tx, starts: Sequence[RunStart]) -> list[Started]:
    """Write runs with their first twins, all or none; a repeat gets the run that is there."""
    answers = match_starts(starts, _known(tx, starts))
    _write(tx, [one for one, answer in zip(starts, answers, strict=True) if answer.fresh])
    return [
        answer._replace(handed_over=_given(tx, one, one.taker, answer)) if one.taker else answer
        for one, answer in zip(starts, answers, strict=True)
    ]


def _given(tx: Tx, one: RunStart, taker: Taker, answer: Started) -> Grant | None:
    if answer.fresh:
        return first_grant(tx, one)
    return given_before(tx, one.twin, taker.owner) if protocol.is_same(one, answer) else None


def first_grant(tx: Tx, one: RunStart) -> Grant:
    """Return the lease on the first twin of a run that begins now, which is written leased to its taker."""
    return Grant(one.twin.key, one.twin.topic, one.twin.body, 1, 1, leased_at=tx.now, remaining=one.deadline)


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
    write_first(tx, *fresh)


def write_first(tx: Tx, *fresh: RunStart) -> None:
    """Write with what runs begin: values, plans, what is passed, and their first twins."""
    keep_blobs(tx, [(one.workflow_id, blob) for one in fresh for blob in one.blobs])
    keep_plans(tx, [(one.workflow_id, one.plan) for one in fresh if one.plan is not None])
    add_passed(tx, [(one.twin.key, passed) for one in fresh for passed in one.passed])
    add_twins(tx, [NewTwin(one.twin, *(one.taker or (None, timedelta(0)))) for one in fresh])
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


def record_fork(tx: Tx, fork: Fork) -> None:
    """Write a run that inherits what another had before a place; raises UnknownRun."""
    source, new = fork.source, fork.start.workflow_id
    find(tx, source)
    tx.many(_ADD, [run_row(tx, fork.start)])
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
