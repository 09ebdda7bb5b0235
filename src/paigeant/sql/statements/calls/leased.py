"""Hops under whose leases something is recorded."""

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
"""Shared, so that the calls of one step record beside each other; whoever takes the lease over has to wait, and what is
written before that is written under a lease that was alive. In the order of their keys, as all who lock several. The
rows of their runs, which say who pays, are read and not locked: an end raises the fences of its hops."""


def leased(tx: Tx, held: Iterable[LeaseToken]) -> dict[LeaseToken, Any]:
    """Return the rows of hops whose leases are alive, locked, by the leases."""
    wanted: dict[Any, list[LeaseToken]] = {}
    for one in held:
        wanted.setdefault(one.key, []).append(one)
    found = tx.rows(_LEASED, keys=keys_of(wanted))
    rows = [row for row in found if row.namespace == tx.namespace]
    return {one: row for row in rows for one in wanted[key_of(row)] if leases.is_alive(row, one.fence)}


def step_of(hop: Any) -> dict[str, Any]:
    """Return what the calls of a hop's step are kept by."""
    return {
        "workflow_id": hop.workflow_id,
        "step_id": hop.step_id,
        "direction": hop.direction,
        "epoch": hop.epoch or 0,
    }
