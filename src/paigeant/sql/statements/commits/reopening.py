"""Reopening: branches of a failed node go on, and those of nested nodes, once their run is resumed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select, update

from paigeant.model.fan.joins import BranchEnd
from paigeant.model.message import HopKey
from paigeant.protocol import operate
from paigeant.protocol.fan import reopening
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.branch_tables import branches, joins
from paigeant.sql.schema.tables import Columns, step_executions
from paigeant.sql.statements.commits.join_rows import NODE, join_row, load_states, node_row
from paigeant.sql.statements.hops import HOP, changed, changing, key_of, steps

_branches: Columns = branches.c
_ENDED: Final = (
    select(*HOP, *(steps.status, steps.fence, steps.attempt, steps.interruptions, steps.owner, steps.kind))
    .add_columns(*(steps.due_at, steps.completed_at, steps.accepted, steps.epoch, steps.wait, steps.reason))
    .join_from(
        branches,
        step_executions,
        (steps.workflow_id == _branches.workflow_id)
        & (steps.path == _branches.branch)
        & (steps.position == _branches.place),
    )
    .where(*NODE)
)
_OPEN_AGAIN: Final = (
    update(branches).where(*NODE).values(ended=BranchEnd.CANCELLED.value, output=None, undo=None, error=None)
)
_HOLD: Final = changing(reopening.HeldAgain)
_RESTART: Final = changing(operate.Restarted)


def reopen(tx: Tx, nodes: Sequence[HopKey], how: operate.Restart, *, stuck: bool) -> None:
    """Reopen branches of these nodes, if they have branches; their run is locked.

    None of their hops is leased: the run had ended.
    """
    while nodes:
        changes = {node: reopening.reopen(join, stuck=stuck) for node, join in load_states(tx, nodes).items()}
        tx.upsert(joins, [join_row(node, change.join) for node, change in changes.items()])
        hops = [hop for node, change in changes.items() for hop in _open_again(tx, node, change, how)]
        nodes = [key_of(hop) for hop in hops if hop.kind is not None]


def _open_again(tx: Tx, node: HopKey, change: reopening.Reopened, how: operate.Restart) -> Sequence[Any]:
    if not change.ends:
        return ()
    ended = _branches.ended.in_(sorted(change.ends))
    hops = tx.rows(_ENDED.where(ended), **node_row(node))
    tx.connection.execute(_OPEN_AGAIN.where(ended), node_row(node))
    if change.held:
        tx.many(_HOLD, [changed(key_of(hop), reopening.hold_again(hop, tx.now, how)) for hop in hops])
    else:
        tx.many(_RESTART, [changed(key_of(hop), operate.restart(hop, tx.now, how)) for hop in hops])
    return hops
