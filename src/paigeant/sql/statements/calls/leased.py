"""Statement that locks hops whose leases are alive, for recordings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import select

from paigeant.model.hops import LeaseToken
from paigeant.protocol import leases
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import step_executions, workflow_runs
from paigeant.sql.statements.hops import HOP, key_of, steps

_LEASED: Final = PreparedStatement(
    select(*HOP, steps.namespace, steps.step, steps.step_id, steps.direction, steps.epoch)
    .add_columns(steps.fence, steps.owner, steps.completed_at, workflow_runs.c.workflow, workflow_runs.c.tenant)
    .join_from(hop_list, step_executions, IN_HOP_LIST)
    .join(workflow_runs, workflow_runs.c.workflow_id == steps.workflow_id)
    .order_by(*HOP)
    .with_for_update(read=True, of=step_executions)
)
"""Shared locks, so that calls of one step record concurrently; a takeover of the lease has to wait, so that recordings
before it are under a lease that is alive. In the common order of keys. The rows of their runs, with tenant and
workflow, are read and not locked: the end of a run raises the fences of its hops."""


def leased(tx: Tx, held: Iterable[LeaseToken]) -> dict[LeaseToken, Any]:
    """Return the locked rows of hops whose leases are alive, by lease."""
    wanted: dict[Any, list[LeaseToken]] = {}
    for one in held:
        wanted.setdefault(one.key, []).append(one)
    found = tx.rows(_LEASED, keys=keys_of(wanted))
    rows = [row for row in found if row.namespace == tx.namespace]
    return {one: row for row in rows for one in wanted[key_of(row)] if leases.is_alive(row, one.fence)}


def step_of(hop: Any) -> dict[str, Any]:
    """Return the key columns of a step's calls."""
    return {
        "workflow_id": hop.workflow_id,
        "step_id": hop.step_id,
        "direction": hop.direction,
        "epoch": hop.epoch or 0,
    }
