"""What is announced again, and what the dead have left."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, func, select, update

from paigeant.model.hops import Sealed, next_hint
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import step_executions
from paigeant.sql.statements.hops import HOP, OPEN, THIS_HOP, bound, key_of, steps

_NAMESPACE: Final = steps.namespace == bindparam("namespace")
_DUE: Final = steps.due_at <= bindparam("now")
_END_LEASES: Final = (
    update(step_executions)
    .where(OPEN, steps.owner == bindparam("b_owner"), steps.due_at > bindparam("b_due_at"))
    .values(due_at=bindparam("b_due_at"), hint_at=bindparam("b_due_at"))
)
_SILENT: Final = PreparedStatement(
    select(*HOP, steps.step, steps.hints, steps.body)
    .where(_NAMESPACE, OPEN, steps.due_at.is_not(None), _DUE, steps.hint_at <= bindparam("now"))
    .order_by(steps.hint_at, *HOP)
    .limit(bindparam("limit"))
    .with_for_update(of=step_executions, skip_locked=True)
)
_NEXT_SILENT: Final = PreparedStatement(
    select(func.min(steps.hint_at)).where(_NAMESPACE, OPEN, steps.due_at.is_not(None))
)
_HINT: Final = PreparedStatement(
    update(step_executions).where(THIS_HOP).values(hints=steps.hints + 1, hint_at=bindparam("b_hint_at"))
)


def end_leases(tx: Tx, owner: str) -> int:
    """Let the leases of a dead owner be over, in every namespace; who takes them over learns of the interruption."""
    return tx.connection.execute(_END_LEASES, {"b_owner": owner, "b_due_at": tx.now}).rowcount


def announce(tx: Tx, limit: int) -> list[Sealed]:
    """Return the messages of due twins whose announcement is due, and push the next one away."""
    rows = tx.rows(_SILENT, namespace=tx.namespace, now=tx.now, limit=limit)
    tx.many(_HINT, [{**bound(key_of(row)), "b_hint_at": tx.now + next_hint(row.hints)} for row in rows])
    return [Sealed(key_of(row).message_id, row.step, row.body) for row in rows]


def silent_in(tx: Tx) -> float | None:
    """Return in how many seconds :func:`announce` may find something, None if nothing is going to be announced."""
    return tx.until(tx.scalar(_NEXT_SILENT, namespace=tx.namespace))
