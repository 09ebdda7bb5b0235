"""Resume of a run: lookup, lock and restart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select, update

from paigeant.model.runs import RunStatus, StepStatus
from paigeant.model.stored.words import read_word
from paigeant.protocol import operate
from paigeant.protocol.tree import children as protocol
from paigeant.sql.execution.keys import unindexed
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import OPEN_RUN, Columns, step_executions, workflow_runs
from paigeant.sql.statements.commits.reopening import reopen
from paigeant.sql.statements.hops import HOP, OPEN, changed, changing, key_of, steps
from paigeant.sql.statements.run_status import STATUS

runs: Columns = workflow_runs.c
_THIS_RUN: Final = (runs.workflow_id == bindparam("b_workflow_id"), unindexed(runs.namespace == bindparam("namespace")))
_LOCK: Final = select(runs.workflow_id).where(*_THIS_RUN).with_for_update(key_share=True)
_RUN: Final = (
    select(runs.workflow_id, STATUS.label("status"))
    .add_columns(runs.error, runs.cancel_requested, runs.deadline, runs.closes_at, runs.closing)
    .add_columns(runs.parent_id, runs.parent_path, runs.reports_to)
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
"""Hops that a resume may restart: the open ones, and the failed ones of the trunk."""

_RESTART: Final = changing(operate.Restarted)
_OPEN_CHILDREN: Final = (
    select(runs.workflow_id, STATUS.label("status"))
    .where(runs.parent_id == bindparam("parent"), runs.completed_at.is_(None))
    .order_by(runs.workflow_id)
)


def find(tx: Tx, workflow_id: UUID) -> Any:
    """Return the row of a run with its status, locked; raises UnknownRun."""
    about = {"b_workflow_id": workflow_id, "namespace": tx.namespace}
    if not tx.rows(_LOCK, **about):
        raise operate.unknown(workflow_id)
    # Read only now: hops committed while the lock was waited for are invisible to the locking statement.
    [run] = tx.rows(_RUN, **about)
    return run


def status_of(run: Any) -> RunStatus:
    """Return the status in the row of a run."""
    return read_word(RunStatus, run.status, RunStatus.UNREADABLE)


def resume(tx: Tx, workflow_id: UUID, how: operate.Restart) -> RunStatus:
    """Restart failed or waiting hops, due now as if never tried, also in child runs that the run waits for.

    The run and its child runs are locked, parents first.
    """
    run = find(tx, workflow_id)
    was, resumed = status_of(run), operate.resume(run, tx.now)
    hops = operate.choose_resumed(tx.rows(_HOPS, b_workflow_id=workflow_id))
    restarted = [(key_of(hop), operate.restart(hop, tx.now, how)) for hop in hops]
    tx.many(_RESTART, [changed(key, change) for key, change in restarted])
    if was.final:
        reopen(tx, [key for key, _ in restarted], how, stuck=was is RunStatus.COMPENSATION_FAILED)
    else:
        _resume_children(tx, run, how, restarted)
    write_run(tx, workflow_id, {**resumed._asdict(), "status": OPEN_RUN})
    return status_of(find(tx, workflow_id))  # it still waits if all its waiting hops are leased


def _resume_children(tx: Tx, run: Any, how: operate.Restart, restarted: list[Any]) -> None:
    children = tx.rows(_OPEN_CHILDREN, parent=run.workflow_id)
    waiting = [child.workflow_id for child in children if child.status == RunStatus.WAITING]
    protocol.require_resumed(run, [*restarted, *waiting], [child.workflow_id for child in children])
    for child in waiting:
        resume(tx, child, how)


def write_run(tx: Tx, workflow_id: UUID, change: Mapping[str, Any]) -> None:
    """Write a change to these columns of the run's row."""
    tx.connection.execute(update(workflow_runs).where(runs.workflow_id == workflow_id).values(change))
