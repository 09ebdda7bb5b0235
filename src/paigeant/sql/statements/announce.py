"""Announcements: status of announced hops, repeated announcements, and leases of dead owners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, literal_column, select, update

from paigeant.model.hops import Sealed
from paigeant.model.limits import next_hint
from paigeant.model.message import HopKey
from paigeant.model.stored.claims import NoticeStatus
from paigeant.protocol import notice
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of, unindexed
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx, chunks
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.schema.types import store_now
from paigeant.sql.statements.catalog import forget_worker
from paigeant.sql.statements.hops import HOP, OPEN, THIS_HOP, bound, key_of, steps

runs: Columns = workflow_runs.c
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
    select(
        select(steps.hint_at)
        .where(_NAMESPACE, OPEN, steps.due_at.is_not(None))
        .order_by(steps.hint_at)
        .limit(literal_column("1"))
        .scalar_subquery()
        .label("at"),
        store_now().label("now"),
    )
)
"""The first in the order of the index, as in :mod:`paigeant.sql.statements.next_due`."""

_HINT: Final = PreparedStatement(
    update(step_executions).where(THIS_HOP).values(hints=steps.hints + 1, hint_at=bindparam("b_hint_at"))
)

_ANNOUNCED: Final = select(
    *(*HOP, steps.namespace, steps.completed_at, steps.digest),
    *(steps.due_at, steps.hint_at, steps.owner, steps.interruptions),
).join_from(hop_list, step_executions, IN_HOP_LIST)
_KNOWN_RUNS: Final = select(runs.workflow_id).where(
    unindexed(runs.namespace == bindparam("namespace")), runs.workflow_id.in_(bindparam("ids", expanding=True))
)


def bury(tx: Tx, owner: str) -> int:
    """Forget a dead owner, in every namespace, and end its leases; returns their number.

    Who takes them over learns of the interruption.
    """
    forget_worker(tx, owner)
    return tx.connection.execute(_END_LEASES, {"b_owner": owner, "b_due_at": tx.now}).rowcount


def announce(tx: Tx, limit: int) -> list[Sealed]:
    """Return the messages of due twins whose announcement is due, and postpone the next one."""
    rows = tx.rows(_SILENT, namespace=tx.namespace, now=tx.now, limit=limit)
    tx.many(_HINT, [{**bound(key_of(row)), "b_hint_at": tx.now + next_hint(row.hints)} for row in rows])
    return [Sealed(key_of(row).message_id, row.step, row.body) for row in rows]


def silent_in(tx: Tx) -> float | None:
    """Return the number of seconds until :func:`announce` may find something, None without a pending one."""
    [row] = tx.rows(_NEXT_SILENT, namespace=tx.namespace, known_now=tx.known_now)
    return None if row.at is None else (row.at - row.now).total_seconds()


def find_notice_status(tx: Tx, notices: Sequence[tuple[HopKey, bytes]]) -> list[NoticeStatus]:
    """Return the status of announced hops, in order; called only for those that could not be leased."""
    rows = tx.rows(_ANNOUNCED, keys=keys_of(key for key, _ in notices))
    hops = {key_of(row): row for row in rows if row.namespace == tx.namespace}
    missing = sorted({key.workflow_id for key, _ in notices if key not in hops})
    known = {
        row.workflow_id for part in chunks(missing) for row in tx.rows(_KNOWN_RUNS, namespace=tx.namespace, ids=part)
    }
    return [
        notice.find_status(hops.get(key), digest, tx.now, run_known=key.workflow_id in known) for key, digest in notices
    ]
