"""What a finished hop leaves behind: its row, values, variables, the next twin, and where the run stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Row, bindparam, func, literal_column, update

from paigeant.model.hops import Commit
from paigeant.model.outcomes import Fault
from paigeant.model.runs import AttemptError, StepStatus
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import step_executions, workflow_runs, workflow_variables
from paigeant.sql.statements.hops import OPEN, THIS_HOP, add_twins, bound, keep_blobs, note, steps

runs = workflow_runs.c

_THIS_LEASE: Final = THIS_HOP & (steps.fence == bindparam("b_fence"))
"""Found by its key. Saying also that it is open, as the judged and locked row is, would invite a planner that knows no
statistics yet to walk through a partial index of all that is open."""

_STILL_OPEN: Final = OPEN.op("IS", is_comparison=True)(literal_column("TRUE"))
"""The same as :data:`OPEN` to whoever reads, and no condition of a partial index to a planner."""

_HOLD: Final = PreparedStatement(
    update(step_executions)
    .where(_THIS_LEASE)
    .values(
        fence=steps.fence + 1,
        attempt=bindparam("b_attempt"),
        interruptions=0,  # it has ended once, and nobody died of it
        status=bindparam("b_status"),
        owner=None,
        due_at=bindparam("b_due_at"),
        hint_at=bindparam("b_hint_at"),
        hints=0,
        reason=bindparam("b_reason"),
        interface=bindparam("b_interface"),
        errors=bindparam("b_errors"),
        committed_by=bindparam("b_execution"),
    )
)
_LEAVE: Final = PreparedStatement(
    update(step_executions)
    .where(_THIS_LEASE)
    .values(
        status=bindparam("b_status"),
        owner=None,
        due_at=None,
        reason=None,
        completed_at=bindparam("b_now"),
        output=bindparam("b_output"),
        log=bindparam("b_log"),
        compensable=bindparam("b_compensable"),
        undo_before=bindparam("b_before"),
        errors=bindparam("b_errors"),
        committed_by=bindparam("b_execution"),
    )
)
_MOVE: Final = PreparedStatement(
    update(workflow_runs)
    .where(runs.workflow_id == bindparam("b_workflow_id"))
    .values(
        status=bindparam("b_status"),
        reason=bindparam("b_reason"),
        completed_at=bindparam("b_completed_at"),
        error=func.coalesce(bindparam("b_error", type_=runs.error.type), runs.error),
        output=func.coalesce(bindparam("b_output", type_=runs.output.type), runs.output),
    )
)
_LEFT: Final = PreparedStatement(
    update(step_executions)
    .where(steps.workflow_id == bindparam("b_workflow_id"), _STILL_OPEN)
    .values(
        fence=steps.fence + 1,
        status=StepStatus.CANCELLED.value,
        owner=None,
        due_at=None,
        reason=None,
        completed_at=bindparam("b_now"),
    )
)


_PAUSES: Final = frozenset({StepStatus.RETRYING, StepStatus.WAITING})


class Found(NamedTuple):
    """A commit, with the rows it is about."""

    commit: Commit
    run: Row[Any]
    hop: Row[Any]


def heir_of(one: Found) -> str | None:
    """Return whom the next twin is handed over to: the committer if it asked and nobody wishes the run cancelled."""
    twin = one.commit.twin
    return one.commit.owner if twin is not None and twin.handed_over and one.run.cancel_requested is None else None


def write(tx: Tx, good: Sequence[Found], lease: timedelta) -> None:
    """Write all that these commits want written; what is handed over is leased for so long."""
    held = [one for one in good if one.commit.transition.status in _PAUSES]
    left = [one for one in good if one.commit.transition.status not in _PAUSES]
    tx.many(_HOLD, [_held_row(tx, one) for one in held])
    tx.many(_LEAVE, [_left_row(tx, one) for one in left])
    keep_blobs(tx, [(one.run.workflow_id, blob) for one in good for blob in one.commit.blobs])
    tx.upsert(
        workflow_variables,
        [
            {"workflow_id": one.run.workflow_id, "name": name, "value": value, "updated_at": tx.now}
            for one in good
            for name, value in dict(one.commit.transition.variables).items()
        ],
    )
    said = {one.commit.held.key: one.commit.detail for one in good if one.commit.detail is not None}
    if said:
        note(tx, said)
    twins = [(one.commit.twin, heir_of(one), lease) for one in good if one.commit.twin is not None]
    if twins:
        add_twins(tx, twins)
    tx.many(_MOVE, [_run_row(tx, one) for one in good if _moves(one)])
    close(tx, [one.run.workflow_id for one in good if one.commit.transition.run.final])


def close(tx: Tx, ended: Sequence[UUID]) -> None:
    """Leave no twin of an ended run behind, and no lease on one."""
    tx.many(_LEFT, [{"b_workflow_id": workflow_id, "b_now": tx.now} for workflow_id in ended])


def _shared_row(tx: Tx, one: Found) -> dict[str, Any]:
    made = one.commit.transition
    errors = one.hop.errors
    if made.fault is not None:
        errors = (*(errors or ()), _error(tx, made.fault, one.hop.attempt))
    return {
        **bound(one.commit.held.key),
        "b_fence": one.commit.held.fence,
        "b_status": made.status.value,
        "b_errors": errors,
        "b_execution": one.commit.execution,
    }


def _held_row(tx: Tx, one: Found) -> dict[str, Any]:
    made = one.commit.transition
    due_at = None if made.delay is None else tx.now + timedelta(seconds=made.delay)
    return {
        **_shared_row(tx, one),
        "b_attempt": one.hop.attempt - (made.status is StepStatus.WAITING),  # parking is no attempt
        "b_due_at": due_at,
        "b_hint_at": due_at or tx.now,
        "b_reason": made.reason,
        "b_interface": made.interface,
    }


def _left_row(tx: Tx, one: Found) -> dict[str, Any]:
    made = one.commit.transition
    if made.status in {StepStatus.PENDING, StepStatus.RUNNING}:
        raise ValueError(f"a commit cannot leave its hop {made.status}")
    return {
        **_shared_row(tx, one),
        "b_now": tx.now,
        "b_output": made.output,
        "b_log": made.log,
        "b_compensable": made.compensable,
        "b_before": made.before,
    }


def _error(tx: Tx, fault: Fault, attempt: int) -> AttemptError:
    return AttemptError(
        type=fault.type, message=fault.message, where=fault.where, line=fault.line, attempt=attempt, at=tx.now
    )


def _moves(one: Found) -> bool:
    """Whether the commit changes anything of the run's row; in the middle of a run it does not."""
    made = one.commit.transition
    same = (made.run.value, made.run_reason) == (one.run.status, one.run.reason)
    return not same or made.run_error is not None or made.run_output is not None


def _run_row(tx: Tx, one: Found) -> dict[str, Any]:
    made = one.commit.transition
    return {
        "b_workflow_id": one.run.workflow_id,
        "b_status": made.run.value,
        "b_reason": made.run_reason,
        "b_completed_at": tx.now if made.run.final else None,
        "b_error": made.run_error,
        "b_output": made.run_output,
    }
