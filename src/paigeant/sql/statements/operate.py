"""What a person may do to a run: wish it cancelled, end it, or send it on its way again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, bindparam, case, func, select, update

from paigeant.errors import UnknownRun, WrongState
from paigeant.model.runs import RESUMABLE, CancelRequest, RunStatus, StepStatus, WaitReason
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import step_executions, workflow_runs
from paigeant.sql.statements.catalog import served
from paigeant.sql.statements.commit_rows import close
from paigeant.sql.statements.hops import OPEN, THIS_HOP, bound, key_of, steps

runs = workflow_runs.c
_THIS_RUN: Final = runs.workflow_id == bindparam("b_workflow_id")
_OF_RUN: Final = steps.workflow_id == bindparam("b_workflow_id")

_RUN: Final = (
    select(runs.workflow_id, runs.status)
    .where(_THIS_RUN, runs.namespace == bindparam("namespace"))
    .with_for_update(key_share=True)
)
_WISH: Final = (
    update(workflow_runs).where(_THIS_RUN).values(cancel_requested=bindparam("b_wish"), closes_at=bindparam("b_now"))
)
_DUE_NOW: Final = (
    update(step_executions)
    .where(_OF_RUN, OPEN, steps.owner.is_(None))
    .values(due_at=bindparam("b_now"), hint_at=bindparam("b_now"))
)
_TERMINATE: Final = (
    update(workflow_runs)
    .where(_THIS_RUN)
    .values(status=RunStatus.TERMINATED.value, reason=None, completed_at=bindparam("b_now"))
)
_OPEN_HOPS: Final = (
    select(steps.workflow_id, steps.path, steps.position, steps.owner)
    .where(_OF_RUN, OPEN)
    .with_for_update(of=step_executions)
)
_FAILED_HOP: Final = (
    select(steps.workflow_id, steps.path, steps.position, steps.owner)
    .where(_OF_RUN, steps.status == StepStatus.FAILED.value)
    .order_by(steps.position.desc())
    .limit(1)
)
_AGAIN: Final = (
    update(step_executions)
    .where(THIS_HOP)
    .values(
        fence=steps.fence + 1,
        attempt=0,
        interruptions=0,
        status=StepStatus.PENDING.value,
        owner=None,
        due_at=bindparam("b_now"),
        hint_at=bindparam("b_now"),
        hints=0,
        reason=None,
        completed_at=None,
        interface=None,
        accepted=func.coalesce(bindparam("b_accepted", type_=steps.accepted.type), steps.accepted),
    )
)
_STILL_TO_COME: Final = case((runs.deadline > bindparam("b_now"), runs.deadline))
_GO_ON: Final = (
    update(workflow_runs)
    .where(_THIS_RUN)
    .values(
        status=RunStatus.RUNNING.value,
        reason=None,
        completed_at=None,
        error=bindparam("b_error"),
        cancel_requested=None,
        deadline=_STILL_TO_COME,
        closes_at=_STILL_TO_COME,
    )
)
_GO_ON_BACK: Final = (
    update(workflow_runs).where(_THIS_RUN).values(status=RunStatus.RUNNING.value, reason=None, completed_at=None)
)
_NEXT_TOPIC: Final = select(func.min(steps.topic)).where(
    steps.namespace == bindparam("namespace"), OPEN, steps.topic > bindparam("after")
)
_STRANDED: Final = (
    update(workflow_runs)
    .where(
        runs.status.in_([RunStatus.PENDING.value, RunStatus.RUNNING.value]),
        runs.workflow_id.in_(
            select(steps.workflow_id).where(
                steps.namespace == bindparam("b_namespace"),
                steps.topic.in_(bindparam("b_topics", expanding=True)),
                OPEN,
                steps.due_at <= bindparam("b_before"),
            )
        ),
    )
    .values(status=RunStatus.WAITING.value, reason=WaitReason.UNSERVED.value)
)


def find(tx: Tx, workflow_id: UUID) -> Row[Any]:
    """Return id and status of a run, its row locked; raises UnknownRun."""
    rows = tx.rows(_RUN, b_workflow_id=workflow_id, namespace=tx.namespace)
    if not rows:
        raise UnknownRun(f"no run has the id {workflow_id}")
    return rows[0]


def require_writable(tx: Tx, workflow_id: UUID) -> None:
    """Return if a run is not over for good; raises UnknownRun and WrongState."""
    status = RunStatus(find(tx, workflow_id).status)
    if status.final and status not in RESUMABLE:
        raise WrongState(f"run {workflow_id} is {status}: nothing is written to it any more")


def request_cancel(tx: Tx, workflow_id: UUID, cancel_request: CancelRequest) -> RunStatus:
    """Note the wish, and make what nobody runs due."""
    status = RunStatus(find(tx, workflow_id).status)
    if not status.final:
        about = {"b_workflow_id": workflow_id, "b_now": tx.now}
        tx.connection.execute(_WISH, {**about, "b_wish": cancel_request.value})
        tx.connection.execute(_DUE_NOW, about)
    return status


def terminate(tx: Tx, workflow_id: UUID) -> RunStatus:
    """End the run: no fence shown from now on is a good one."""
    status = RunStatus(find(tx, workflow_id).status)
    if status.final:
        return status
    tx = tx.later()  # or a step that was committed meanwhile would seem to come after the end
    tx.connection.execute(_TERMINATE, {"b_workflow_id": workflow_id, "b_now": tx.now})
    close(tx, [workflow_id])
    return RunStatus.TERMINATED


def resume(tx: Tx, workflow_id: UUID, *, accept_contract: bool = False) -> RunStatus:
    """Make the step that failed, or that waits, due now, as if it had never been tried."""
    status = RunStatus(find(tx, workflow_id).status)
    if status not in RESUMABLE:
        raise WrongState(f"run {workflow_id} is {status}; only a failed, compensation_failed or waiting run is resumed")
    hops = tx.rows(_OPEN_HOPS, b_workflow_id=workflow_id) or tx.rows(_FAILED_HOP, b_workflow_id=workflow_id)
    about = {"b_now": tx.now, "b_accepted": accept_contract or None}
    tx.many(_AGAIN, [{**bound(key_of(hop)), **about} for hop in hops if hop.owner is None])
    if status is RunStatus.FAILED:
        tx.connection.execute(_GO_ON, {"b_workflow_id": workflow_id, "b_error": None, "b_now": tx.now})
    else:  # on the way back the run keeps the reason for which it turned round
        tx.connection.execute(_GO_ON_BACK, {"b_workflow_id": workflow_id})
    return RunStatus.RUNNING


def unserved(tx: Tx) -> list[str]:
    """Return the topics of twins that no living worker serves.

    From topic to topic along the index, which is a step each, however long the queues are.
    """
    known, found, after = served(tx), list[str](), ""
    while (
        topic := tx.connection.execute(_NEXT_TOPIC, {"namespace": tx.namespace, "after": after}).scalar()
    ) is not None:
        after = topic
        if topic not in known:
            found.append(topic)
    return found


def hold_unserved(tx: Tx, topics: list[str], after: timedelta) -> int:
    """Mark the runs that wait for a worker of these topics; returns how many were not marked before."""
    still = [topic for topic in topics if topic not in served(tx)]
    about = {"b_namespace": tx.namespace, "b_topics": still, "b_before": tx.now - after}
    return tx.connection.execute(_STRANDED, about).rowcount if still else 0
