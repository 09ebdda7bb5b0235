"""Leases in a worker's hand: renewed, or given back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, bindparam, select, update

from paigeant.model.hops import GRACE, LeaseToken, Pulse
from paigeant.model.message import HopKey
from paigeant.model.runs import StepStatus
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import step_executions, workflow_runs
from paigeant.sql.statements.hops import HOP, THIS_HOP, bound, cancel_request_of, key_of, note, steps

runs = workflow_runs.c
_NAMESPACE: Final = steps.namespace == bindparam("namespace")

_HELD: Final = PreparedStatement(
    select(*HOP, steps.fence, steps.owner, steps.completed_at, steps.attempt, runs.cancel_requested)
    .join_from(hop_list, step_executions, IN_HOP_LIST)
    .join(workflow_runs, runs.workflow_id == steps.workflow_id)
    .where(_NAMESPACE)
    .with_for_update(of=step_executions)
)
_RENEW: Final = PreparedStatement(
    update(step_executions).where(THIS_HOP).values(due_at=bindparam("b_due_at"), hint_at=bindparam("b_hint_at"))
)
_RELEASE: Final = PreparedStatement(
    update(step_executions)
    .where(THIS_HOP)
    .values(
        fence=steps.fence + 1,
        attempt=steps.attempt - 1,
        status=StepStatus.PENDING.value,
        owner=None,
        due_at=bindparam("b_due_at"),
        hint_at=bindparam("b_due_at"),
        hints=0,
    )
)


def beat(
    tx: Tx, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes] | None = None
) -> list[Pulse]:
    """Renew leases from now on. One that has run out and that nobody took over lives again."""
    rows = _find(tx, held)
    pulses = [Pulse(one, _alive(rows.get(one.key), one), _wish(rows.get(one.key))) for one in held]
    ends_at = tx.now + lease
    shared = {"b_due_at": ends_at, "b_hint_at": ends_at + GRACE}
    tx.many(_RENEW, [{**bound(pulse.held.key), **shared} for pulse in pulses if pulse.alive])
    if details:
        note(tx, {pulse.held.key: details[pulse.held] for pulse in pulses if pulse.alive and pulse.held in details})
    return pulses


def release(tx: Tx, held: Sequence[LeaseToken]) -> None:
    """Give leases back unused."""
    rows = _find(tx, held)
    alive = [one for one in held if _alive(rows.get(one.key), one)]
    tx.many(_RELEASE, [{**bound(one.key), "b_due_at": tx.now} for one in alive])


def _find(tx: Tx, held: Sequence[LeaseToken]) -> dict[HopKey, Row[Any]]:
    found = tx.rows(_HELD, keys=keys_of(one.key for one in held), namespace=tx.namespace)
    return {key_of(row): row for row in found}


def _alive(row: Row[Any] | None, one: LeaseToken) -> bool:
    """The fence shown is that of the lease that nobody has taken over yet."""
    return row is not None and row.completed_at is None and row.owner is not None and row.fence == one.fence


def _wish(row: Row[Any] | None) -> Any:
    return None if row is None else cancel_request_of(row.cancel_requested)
