"""Plain commits, written in bulk: the number of affected rows is the verdict of all of them.

Locks are taken in the common order, runs before hops, and the runs' rows are locked as by a judged commit. So the end
of a run waits for a running commit, and a later commit finds the fence raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import bindparam, func, update

from paigeant.model.hops import Commit, CommitResult, Grant, Twin, Verdict
from paigeant.model.runs import RunStatus, StepStatus
from paigeant.model.transition import Done, Left
from paigeant.protocol import verdict
from paigeant.sql.execution.keys import runs_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.statements.commits.histories import keep_histories
from paigeant.sql.statements.commits.judged import RUNS_IN_ORDER
from paigeant.sql.statements.commits.rows import set_variables
from paigeant.sql.statements.custody.records import keep_records
from paigeant.sql.statements.hops import THIS_HOP, NewTwin, add_twins, bound, keep_blobs, steps

runs: Columns = workflow_runs.c

_LEAVE: Final = PreparedStatement(
    update(step_executions)
    .where(THIS_HOP, steps.fence == bindparam("b_fence"), steps.owner == bindparam("b_owner"))
    .values(
        status=StepStatus.COMPLETED.value,
        owner=None,
        due_at=None,
        reason=None,
        completed_at=bindparam("b_now"),
        input=func.coalesce(bindparam("b_input", type_=steps.input.type), steps.input),
        output=bindparam("b_output"),
        log=bindparam("b_log"),
        compensable=bindparam("b_compensable"),
        undo_before=bindparam("b_before"),
        committed_by=bindparam("b_execution"),
    )
)
_END: Final = PreparedStatement(
    update(workflow_runs)
    .where(runs.workflow_id == bindparam("b_workflow_id"))
    .values(status=RunStatus.COMPLETED.value, completed_at=bindparam("b_now"), output=bindparam("b_output"))
)


class NotAsExpectedError(Exception):
    """A row was not as a plain commit expects: nothing of the group may be written by this path."""


def record_plain_results(tx: Tx, commits: Sequence[Commit], lease: timedelta) -> list[CommitResult]:
    """Write plain commits, each of another run; raises NotAsExpectedError if one has to be judged."""
    found = _runs(tx, commits)
    if tx.many(_LEAVE, [_left_row(tx, one) for one in commits]) != len(commits):
        raise NotAsExpectedError
    keep_blobs(tx, [(one.held.key.workflow_id, blob) for one in commits for blob in one.blobs])
    set_variables(tx, commits)
    keep_records(tx, commits)
    keep_histories(tx, commits)
    wanted = [one.wanted for one in commits]
    pairs = zip(commits, wanted, strict=True)
    add_twins(
        tx, [NewTwin(twin, one.owner if twin is given else None, lease) for one, given in pairs for twin in one.twins]
    )
    tx.many(_END, [_end_row(tx, one) for one in commits if one.transition.end is not None])
    return [
        CommitResult(Verdict.OK, handed_over=None if twin is None else _grant(tx, twin, run))
        for twin, run in zip(wanted, found, strict=True)
    ]


def _grant(tx: Tx, twin: Twin, run: Any) -> Grant:
    remaining, edited = tx.until(run.deadline), bool(run.edited)
    return Grant(twin.key, twin.topic, twin.body, 1, 1, leased_at=tx.now, remaining=remaining, edited=edited)


def _runs(tx: Tx, commits: Sequence[Commit]) -> Sequence[Any]:
    """Lock the runs, and check that each exists, is open and has no cancel request; returns one for each commit."""
    ids = [one.held.key.workflow_id for one in commits]
    rows = tx.rows(RUNS_IN_ORDER, runs=runs_of(ids))
    if len(rows) != len(commits):
        raise NotAsExpectedError
    for row in rows:
        if row.namespace != tx.namespace or verdict.is_closed(row) or not verdict.may_hand_over(row):
            raise NotAsExpectedError
    by_run = dict(zip(sorted(each.int for each in ids), rows, strict=True))
    return [by_run[each.int] for each in ids]


def _left_row(tx: Tx, one: Commit) -> dict[str, Any]:
    hop = one.transition.hop
    if not isinstance(hop, Left) or not isinstance(hop.result, Done):
        raise NotAsExpectedError
    return {
        **bound(one.held.key),
        "b_fence": one.held.fence,
        "b_owner": one.owner,
        "b_now": tx.now,
        "b_input": one.input,
        "b_output": hop.result.output,
        "b_log": hop.result.log,
        "b_compensable": hop.undo is not None,
        "b_before": hop.undo or None,
        "b_execution": one.execution,
    }


def _end_row(tx: Tx, one: Commit) -> dict[str, Any]:
    end = one.transition.end
    return {"b_workflow_id": one.held.key.workflow_id, "b_now": tx.now, "b_output": end and end.output}
