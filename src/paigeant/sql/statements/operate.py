"""What a person may do to a run: request its cancellation, end it, or send it on its way again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, select, update

from paigeant.model.runs import CancelRequest, RunStatus, StepStatus, WaitReason
from paigeant.protocol import operate
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import OPEN_RUN, Columns, step_executions, workflow_runs
from paigeant.sql.statements.catalog import served
from paigeant.sql.statements.commits.joins import Counting
from paigeant.sql.statements.commits.reopening import reopen
from paigeant.sql.statements.commits.rows import STILL_OPEN, close
from paigeant.sql.statements.hops import HOP, OPEN, changed, changing, key_of, steps
from paigeant.sql.statements.run_status import STATUS

runs: Columns = workflow_runs.c
_THIS_RUN: Final = (runs.workflow_id == bindparam("b_workflow_id"), runs.namespace == bindparam("namespace"))
_LOCK: Final = select(runs.workflow_id).where(*_THIS_RUN).with_for_update(key_share=True)
_RUN: Final = (
    select(runs.workflow_id, STATUS.label("status"))
    .add_columns(runs.error, runs.cancel_requested, runs.deadline, runs.closes_at, runs.closing)
    .where(*_THIS_RUN)
)
_HOPS: Final = (
    select(*HOP, *(steps.status, steps.fence, steps.attempt, steps.interruptions, steps.owner))
    .add_columns(*(steps.due_at, steps.completed_at, steps.accepted, steps.epoch, steps.wait, steps.reason))
    .where(
        steps.workflow_id == bindparam("b_workflow_id"),
        OPEN | ((steps.status == StepStatus.FAILED.value) & (steps.path == literal_column("''"))),
    )
    .order_by(steps.path, steps.position)
    .with_for_update(of=step_executions)
)
"""The hops on which a person's request acts: those that are open, and those of the trunk that failed."""

_LOCK_OPEN: Final = (
    select(*HOP)
    .where(steps.workflow_id == bindparam("b_workflow_id"), STILL_OPEN)
    .order_by(*HOP)
    .with_for_update(of=step_executions)
)
"""Locks open hops in the order in which beats lock what a worker holds, before all of them are written."""

_RESTART: Final = changing(operate.Restarted)
_NEXT_TOPIC: Final = select(func.min(steps.step)).where(
    steps.namespace == bindparam("namespace"), OPEN, steps.step > bindparam("after")
)
_STRANDED: Final = (
    update(step_executions)
    .where(
        steps.namespace == bindparam("b_namespace"),
        steps.step.in_(bindparam("b_topics", expanding=True)),
        OPEN,
        steps.due_at <= bindparam("b_before"),
        steps.status != StepStatus.WAITING.value,
    )
    .values(status=StepStatus.WAITING.value, reason=WaitReason.UNSERVED.value)
)


def find(tx: Tx, workflow_id: UUID) -> Any:
    """Return the row of a run with its status, locked; raises UnknownRun."""
    about = {"b_workflow_id": workflow_id, "namespace": tx.namespace}
    if not tx.rows(_LOCK, **about):
        raise operate.unknown(workflow_id)
    # Read only now: while it waited for the lock, others have committed hops that its statement does not see.
    [run] = tx.rows(_RUN, **about)
    return run


def require_writable(tx: Tx, workflow_id: UUID) -> None:
    """Return if a run is not over for good; raises UnknownRun and WrongState."""
    operate.require_writable(find(tx, workflow_id))


def request_cancel(tx: Tx, workflow_id: UUID, cancel_request: CancelRequest) -> RunStatus:
    """Note the request, and make what nobody runs due."""
    run = find(tx, workflow_id)
    requested = operate.request_cancel(run, cancel_request, tx.now)
    if requested is not None:
        _write(tx, workflow_id, requested._asdict())
        Counting(tx).end_run(workflow_id)
    return RunStatus(run.status)


def terminate(tx: Tx, workflow_id: UUID) -> RunStatus:
    """End the run: no fence shown from now on is a good one."""
    run = find(tx, workflow_id)
    tx = tx.later()  # or a step that was committed meanwhile would seem to come after the end
    ended = operate.terminate(run, tx.now)
    if ended is None:
        return RunStatus(run.status)
    tx.rows(_LOCK_OPEN, b_workflow_id=workflow_id)
    _write(tx, workflow_id, ended._asdict())
    close(tx, [workflow_id])
    return ended.status


def resume(tx: Tx, workflow_id: UUID, how: operate.Restart) -> RunStatus:
    """Make the step that failed, or that waits, due now, as if it had never been tried."""
    run = find(tx, workflow_id)
    was, resumed = RunStatus(run.status), operate.resume(run, tx.now)
    hops = operate.choose_resumed(tx.rows(_HOPS, b_workflow_id=workflow_id))
    restarted = [(key_of(hop), operate.restart(hop, tx.now, how)) for hop in hops]
    tx.many(_RESTART, [changed(key, change) for key, change in restarted])
    if was.final:
        reopen(tx, [key for key, _ in restarted], how, stuck=was is RunStatus.COMPENSATION_FAILED)
    _write(tx, workflow_id, {**resumed._asdict(), "status": OPEN_RUN})
    return RunStatus(find(tx, workflow_id).status)  # it waits still, if all that waits of it is leased


def _write(tx: Tx, workflow_id: UUID, change: Mapping[str, Any]) -> None:
    """Write a change to these columns of the run's row."""
    tx.connection.execute(update(workflow_runs).where(runs.workflow_id == workflow_id).values(change))


def unserved(tx: Tx, gone: Collection[str]) -> list[str]:
    """Return the topics of twins that no living worker serves; some workers are known to be ``gone``.

    From topic to topic along the index, which is a step each, however long the queues are.
    """
    known, found, after = served(tx, gone), list[str](), ""
    while (
        topic := tx.connection.execute(_NEXT_TOPIC, {"namespace": tx.namespace, "after": after}).scalar()
    ) is not None:
        after = topic
        if topic not in known:
            found.append(topic)
    return found


def hold_unserved(tx: Tx, topics: list[str], gone: Collection[str], after: timedelta) -> int:
    """Mark the hops that wait for a worker of these topics; returns how many were not marked before."""
    living = served(tx, gone)
    still = [topic for topic in topics if topic not in living]
    about = {"b_namespace": tx.namespace, "b_topics": still, "b_before": tx.now - after}
    return tx.connection.execute(_STRANDED, about).rowcount if still else 0
