"""Statements of dispatch: begin of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, select, tuple_

from paigeant.model.hold import Taker
from paigeant.model.hops import Grant, RunStart, Started
from paigeant.protocol import starts as protocol
from paigeant.protocol.starts import RunName, match_starts
from paigeant.protocol.states import KnownRun
from paigeant.sql.execution.keys import run_list, runs_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx, chunks
from paigeant.sql.schema.tables import (
    Columns,
    workflow_runs,
)
from paigeant.sql.statements.commits.begun import ADD, run_row, write_first
from paigeant.sql.statements.commits.judged import given_before

runs: Columns = workflow_runs.c

_IDENTITY = select(runs.workflow_id, runs.namespace, runs.workflow, runs.dispatch_key, runs.input_sha256)
_BY_ID: Final = PreparedStatement(
    _IDENTITY.join_from(run_list, workflow_runs, runs.workflow_id == run_list.c.workflow_id)
)
_BY_KEY: Final = _IDENTITY.where(
    runs.namespace == bindparam("namespace"),
    tuple_(runs.workflow, runs.dispatch_key).in_(bindparam("keys", expanding=True)),
)


def record_workflow_start(tx: Tx, starts: Sequence[RunStart]) -> list[Started]:
    """Write runs with their first twins, all or none; a repeat returns the existing run."""
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
    """Return the grant of a new run's first twin, which is written leased to its taker."""
    return Grant(one.twin.key, one.twin.topic, one.twin.body, 1, 1, leased_at=tx.now, remaining=one.deadline)


def _known(tx: Tx, starts: Sequence[RunStart]) -> dict[RunName, KnownRun]:
    """Return the existing runs with these ids and dispatch keys."""
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
    tx.many(ADD, [run_row(tx, one) for one in fresh])
    write_first(tx, *fresh)
