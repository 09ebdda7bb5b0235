"""Plain commits in one statement: each is written completely if its run and its hop are as expected, else not at all.

Locks are taken in the common order, runs before hops: the rows of the runs are locked, in the order of their ids,
before the first hop is read, because that read needs values from the lock. A row that another transaction has changed
meanwhile is read again when it is locked, and judged by its new state. So a concurrent end of a run either waits for
this commit, and then sees the written hop; or it came first, and the commit finds the run ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, cast

from sqlalchemy import CTE, Boolean, ColumnElement, Text, bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import TypeEngine

from paigeant.model.custody.records import SignedRecord
from paigeant.model.hold import NOW as DUE
from paigeant.model.hold import Taker
from paigeant.model.hops import Commit, CommitResult, Grant, Twin, Verdict
from paigeant.model.runs import Direction, RunStatus, StepStatus
from paigeant.model.transition import Done, Left
from paigeant.protocol import holds
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.custody import records
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs, workflow_variables
from paigeant.sql.statements.at_once.table import NOW, ZERO, given_table, lists_of, written
from paigeant.sql.statements.custody.records import RECORD, record_row
from paigeant.sql.statements.hops import NOBODY, digest_of, new_state, steps

runs: Columns = workflow_runs.c
sets: Columns = workflow_variables.c

_STATE: Final = ("status", "attempt", "fence", "owner", "worker", "started_at", "due_at", "hint_at")
TWIN: Final = ("step", "step_id", "body", "digest", *_STATE)
"""Columns that differ between next hops; the others are those of any due hop."""

_LEFT: Final = ("input", "output", "log", "compensable", "undo_before", "committed_by")
_GIVEN: Final[dict[str, TypeEngine[Any]]] = {
    "workflow_id": steps.workflow_id.type,
    "position": steps.position.type,
    "of_fence": steps.fence.type,
    "of_owner": steps.owner.type,
    **{f"left_{name}": steps[name].type for name in _LEFT},
    "follows": Boolean(),
    **{name: steps[name].type for name in TWIN},
    "run_output": runs.output.type,
    "variable": sets.name.type,
    "value": sets.value.type,
    **{f"record_{name}": records.c[name].type for name in RECORD},
}


def commits_fit(commits: Sequence[Commit]) -> bool:
    """True if one statement can do these plain commits.

    They have no large values and no histories, and set one variable each.
    """
    return not any(one.blobs or one.history or len(one.transition.writes.variables) > 1 for one in commits)


def record_at_once(tx: Tx, commits: Sequence[Commit], lease: timedelta) -> list[CommitResult | None]:
    """Write plain commits, each of another run; None for those that were not as expected and have to be judged."""
    rows = [_row(one, lease) for one in sorted(commits, key=lambda one: one.held.key.workflow_id)]
    found = tx.rows(_COMMIT, namespace=tx.namespace, **lists_of("given", _GIVEN, rows))
    by_run = {row.workflow_id: row for row in found}
    return [_result(tx.at(row.now), one, row) if (row := by_run.get(one.held.key[0])) else None for one in commits]


def _result(tx: Tx, one: Commit, row: Any) -> CommitResult:
    twin = one.wanted
    if twin is None:
        return CommitResult(Verdict.OK)
    given = (twin.key, twin.topic, twin.body, 1, 1)
    grant = Grant(*given, leased_at=tx.now, remaining=tx.until(row.deadline), edited=bool(row.edited))
    return CommitResult(Verdict.OK, handed_over=grant)


def _row(one: Commit, lease: timedelta) -> dict[str, Any]:
    left = cast("Left", one.transition.hop)  # plain commits always complete the step
    result, undo = cast("Done", left.result), left.undo
    [(variable, value)] = one.transition.writes.variables or [(None, None)]
    end, twin = one.transition.end, one.twins[0] if one.twins else None
    return {
        "workflow_id": one.held.key.workflow_id,
        "position": one.held.key.position,
        "of_fence": one.held.fence,
        "of_owner": one.owner,
        "left_input": one.input,
        "left_output": result.output,
        "left_log": result.log,
        "left_compensable": undo is not None,
        "left_undo_before": undo or None,
        "left_committed_by": one.execution,
        "follows": twin is not None,
        **_twin(one, twin, lease),
        "run_output": end and end.output,
        "variable": variable,
        "value": value,
        **record_columns(one.record),
    }


def _twin(one: Commit, twin: Twin | None, lease: timedelta) -> dict[str, Any]:
    if twin is None:
        return dict.fromkeys(TWIN)
    return new_twin(twin, Taker(one.owner, lease) if one.wanted is twin else None)


def new_twin(twin: Twin, taker: Taker | None) -> dict[str, Any]:
    """Return the columns that differ between next or first hops."""
    state = new_state(twin.hold, ZERO, False, *(taker or NOBODY))  # noqa: FBT003
    columns = {name: state[name] for name in _STATE}
    return {"step": twin.topic, "step_id": twin.step_id, "body": twin.body, "digest": digest_of(twin), **columns}


def _commit() -> PreparedStatement:
    given = given_table("given", _GIVEN)
    locked = _locked(given)
    behind = _behind(locked)
    done = select(behind.c.workflow_id, behind.c.deadline, behind.c.edited, NOW.label("now"))
    records_kept = signed(behind, behind.c.position, behind.c.of_fence)
    return PreparedStatement(done.add_cte(_added(behind), _set(behind), _ended(behind), records_kept))


def _locked(given: CTE) -> CTE:
    """Lock the runs, and read the columns that decide about each.

    Further conditions are in the statement that writes: here one would tempt the planner to an index along which it
    would walk through all runs of the namespace.
    """
    run = (runs.namespace.label("namespace"), runs.completed_at.label("completed_at"), runs.cancel_requested)
    return (
        select(given, *run, runs.deadline, runs.edited)
        .join_from(given, workflow_runs, runs.workflow_id == given.c.workflow_id)
        .order_by(runs.workflow_id)
        .with_for_update(of=workflow_runs, key_share=True)
        .cte("locked")
    )


def _behind(locked: CTE) -> CTE:
    """Update hops of open runs without a cancel request, whose lease has the given fence."""
    one = locked.c
    return (
        update(step_executions)
        .where(steps.workflow_id == one.workflow_id, steps.path == literal(""), steps.position == one.position)
        .where(steps.fence == one.of_fence, steps.owner == one.of_owner)
        .where(
            one.namespace == bindparam("namespace", type_=Text()),
            one.completed_at.is_(None),
            one.cancel_requested.is_(None),
        )
        .values(
            status=StepStatus.COMPLETED.value,
            owner=None,
            due_at=None,
            reason=None,
            completed_at=NOW,
            **{name: one[f"left_{name}"] for name in _LEFT if name != "input"},
            input=func.coalesce(one.left_input, steps.input),
        )
        .returning(*one)
        .cte("behind")
    )


def next_hop(table: CTE, **more: Any) -> dict[str, Any]:
    """Return the columns of the twins in a table, with those that all twins have in common."""
    due = holds.add(DUE, ZERO)
    same = {name: literal(getattr(due, name)) for name in ("interruptions", "hints", "compensable")}
    return {
        "workflow_id": table.c.workflow_id,
        "path": literal(""),
        "namespace": bindparam("namespace", type_=Text()),
        "direction": literal(Direction.EXECUTE.value),
        **same,
        **written(table, {name: steps[name].type for name in TWIN}),
        **more,
    }


def _added(behind: CTE) -> CTE:
    columns = next_hop(behind, position=behind.c.position + literal(1))
    rows = select(*columns.values()).where(behind.c.follows)
    return insert(step_executions).from_select(list(columns), rows).cte("added")


def _set(behind: CTE) -> CTE:
    columns = {
        "workflow_id": behind.c.workflow_id,
        "path": literal(""),
        "position": behind.c.position,
        "name": behind.c.variable,
        "value": behind.c.value,
        "updated_at": NOW,
    }
    rows = select(*columns.values()).where(behind.c.variable.is_not(None))
    made = insert(workflow_variables).from_select(list(columns), rows)
    later = {name: made.excluded[name] for name in ("value", "updated_at")}
    key = list(workflow_variables.primary_key)
    return made.on_conflict_do_update(index_elements=key, set_=later).cte("variables_set")


def signed(of: CTE, position: ColumnElement[Any], fence: ColumnElement[Any]) -> CTE:
    """Write the signed records of these hops, if present."""
    columns = {
        "workflow_id": of.c.workflow_id,
        "path": literal(""),
        "position": position,
        "fence": fence,
        **{name: of.c[f"record_{name}"] for name in RECORD},
        "at": NOW,
    }
    rows = select(*columns.values()).where(of.c.record_text.is_not(None))
    return insert(records).from_select(list(columns), rows).cte("signed")


def record_columns(record: SignedRecord | None) -> dict[str, Any]:
    """Return the parameters of a record."""
    return {f"record_{name}": value for name, value in record_row(record).items()}


def _ended(behind: CTE) -> CTE:
    return (
        update(workflow_runs)
        .where(runs.workflow_id == behind.c.workflow_id, ~behind.c.follows)
        .values(status=RunStatus.COMPLETED.value, completed_at=NOW, output=behind.c.run_output)
        .cte("ended")
    )


_COMMIT: Final = _commit()
