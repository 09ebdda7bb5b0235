"""Statements of held leases: renew and release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select

from paigeant.model.hops import LeaseToken, Pulse
from paigeant.model.message import HopKey
from paigeant.protocol import leases
from paigeant.protocol.fan.joins import cancel_on
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.statements.hops import HOP, changed, changing, key_of, note, steps

runs: Columns = workflow_runs.c
_HELD: Final = PreparedStatement(
    select(*HOP, steps.namespace, steps.fence, steps.owner, steps.completed_at, steps.attempt)
    .add_columns(runs.cancel_requested, runs.closing)
    .join_from(hop_list, step_executions, IN_HOP_LIST)
    .join(workflow_runs, runs.workflow_id == steps.workflow_id)
    .order_by(*HOP)
    .with_for_update(of=step_executions)
)
_RENEW: Final = changing(leases.Renewed)
_RELEASE: Final = changing(leases.Released)


def beat(
    tx: Tx, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes] | None = None
) -> list[Pulse]:
    """Renew leases from now on. An expired one that nobody took over is alive again."""
    rows = _find(tx, held)
    pulses = [_pulse(one, rows.get(one.key)) for one in held]
    renewed = leases.renew(tx.now, lease)
    tx.many(_RENEW, [changed(pulse.held.key, renewed) for pulse in pulses if pulse.alive])
    if details:
        note(tx, {pulse.held.key: details[pulse.held] for pulse in pulses if pulse.alive and pulse.held in details})
    return pulses


def release(tx: Tx, held: Sequence[LeaseToken]) -> None:
    """Release leases unused."""
    rows = _find(tx, held)
    alive = {one.key: rows[one.key] for one in held if leases.is_alive(rows.get(one.key), one.fence)}
    tx.many(_RELEASE, [changed(key, leases.release(row, tx.now)) for key, row in alive.items()])


def _find(tx: Tx, held: Sequence[LeaseToken]) -> dict[HopKey, Any]:
    found = tx.rows(_HELD, keys=keys_of(one.key for one in held))
    return {key_of(row): row for row in found if row.namespace == tx.namespace}


def _pulse(one: LeaseToken, row: Any) -> Pulse:
    request = None if row is None else cancel_on(row, one.key.path)
    return Pulse(one, leases.is_alive(row, one.fence), request)
