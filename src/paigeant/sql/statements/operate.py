"""Statements of operations on a run: cancel, terminate, resume; and unserved hops."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, func, select, update

from paigeant.model.runs import CancelRequest, RunStatus, StepStatus, WaitReason
from paigeant.protocol import operate
from paigeant.protocol.tree import children as protocol
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import step_executions
from paigeant.sql.statements.catalog import served
from paigeant.sql.statements.commits.joins import Counting
from paigeant.sql.statements.commits.tree import resuming
from paigeant.sql.statements.commits.tree.children import tell_parents
from paigeant.sql.statements.commits.tree.ending import cancel_under, terminate_tree
from paigeant.sql.statements.commits.tree.resuming import find, status_of, write_run
from paigeant.sql.statements.hops import OPEN, steps

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


def require_writable(tx: Tx, workflow_id: UUID) -> None:
    """Return if a run may still change; raises UnknownRun and WrongState."""
    operate.require_writable(find(tx, workflow_id))


def request_cancel(tx: Tx, workflow_id: UUID, cancel_request: CancelRequest) -> RunStatus:
    """Record the request, and make hops due that nobody runs."""
    run = find(tx, workflow_id)
    requested = operate.request_cancel(run, cancel_request, tx.now)
    if requested is not None:
        write_run(tx, workflow_id, requested._asdict())
        Counting(tx).end_run(workflow_id)
        cancel_under(tx, workflow_id, "", cancel_request)
    return status_of(run)


def terminate(tx: Tx, workflow_id: UUID) -> list[UUID]:
    """End the run, with its child runs, and return them: no present fence stays valid."""
    run = find(tx, workflow_id)
    tx = tx.later()  # else a step committed meanwhile would have a later time than the end
    ended = operate.terminate(run, tx.now)
    if ended is None:
        return []
    all_ended = terminate_tree(tx, workflow_id, ended)
    tell_parents(tx, [run])
    return all_ended


def resume(tx: Tx, workflow_id: UUID, how: operate.Restart) -> RunStatus:
    """Resume a run; an ended child run goes on only with its parent."""
    run = find(tx, workflow_id)
    protocol.require_own(run, status_of(run))
    return resuming.resume(tx, workflow_id, how)


def unserved(tx: Tx, gone: Collection[str]) -> list[str]:
    """Return the topics of twins that no living worker serves; some workers are known to be ``gone``.

    It steps from topic to topic along the index, one step each, however long the queues are.
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
    """Mark the hops of these topics as waiting for a worker; returns the number of newly marked ones."""
    living = served(tx, gone)
    still = [topic for topic in topics if topic not in living]
    about = {"b_namespace": tx.namespace, "b_topics": still, "b_before": tx.now - after}
    return tx.connection.execute(_STRANDED, about).rowcount if still else 0
