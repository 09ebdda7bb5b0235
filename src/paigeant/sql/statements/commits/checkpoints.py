"""Checkpoints that a fork keeps: those of the source's step at its place."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Integer, bindparam, func, literal, select, update

from paigeant.model.runs import Direction
from paigeant.model.stored.forks import Fork
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.calls import checkpoints
from paigeant.sql.schema.tables import Columns, step_executions
from paigeant.sql.statements.hops import THIS_HOP, bound, steps

kept: Columns = checkpoints.c
_SAME: Final = (
    *("direction", "epoch", "key", "fingerprint", "kind", "library", "worker", "took_us", "recorded_at", "payload"),
)
_OF_STEP: Final = (
    select(*(kept[name] for name in _SAME))
    .join_from(
        checkpoints,
        step_executions,
        (steps.workflow_id == kept.workflow_id)
        & (steps.step_id == kept.step_id)
        & (kept.epoch == func.coalesce(steps.epoch, 0)),
    )
    .where(steps.workflow_id == bindparam("source"), steps.path == literal(""), steps.position == bindparam("place"))
    .where(kept.direction == Direction.EXECUTE.value)
)
_LEASED_BEFORE: Final = (
    update(step_executions).where(THIS_HOP).values(fence=1, epoch=bindparam("b_epoch", type_=Integer()))
)


def inherit_checkpoints(tx: Tx, fork: Fork) -> None:
    """Write the recordings that the fork's first step finds, as if it had been leased before: then it looks for them.

    It begins in the epoch of the source's step, since keys in recordings of agents' runs contain their epoch.
    """
    twin = fork.start.twin
    found = tx.rows(_OF_STEP, source=fork.source, place=fork.before)
    mine = {"workflow_id": twin.key.workflow_id, "step_id": twin.step_id, "fence": 0}
    rows = [
        {**row._asdict(), **mine, "jws": fork.notes.get(row.key)}
        for row in found
        if not (fork.outputs and row.kind == "prompt")
    ]
    if rows:
        tx.add(checkpoints, rows)
        tx.many(_LEASED_BEFORE, [bound(twin.key) | {"b_epoch": rows[0]["epoch"]}])
