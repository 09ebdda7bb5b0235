"""Adoption: the signed record of an unsigned run, written if the run is unchanged."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, select, update

from paigeant.model.custody.adoption import Adoption
from paigeant.model.people.deeds import Deed
from paigeant.protocol import operate
from paigeant.protocol.people import adoption as protocol
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import step_executions
from paigeant.sql.statements.commits.tree.resuming import find
from paigeant.sql.statements.custody.deeds import keep_deeds
from paigeant.sql.statements.custody.evidence import load_evidence
from paigeant.sql.statements.custody.records import keep_beginning
from paigeant.sql.statements.hops import HOP, OPEN, changed, changing, key_of, steps

_OPEN: Final = (
    select(*HOP, *(steps.status, steps.fence, steps.attempt, steps.interruptions, steps.owner))
    .add_columns(*(steps.due_at, steps.completed_at, steps.accepted, steps.epoch, steps.wait, steps.reason))
    .where(steps.workflow_id == bindparam("b_workflow_id"), OPEN)
    .order_by(steps.path, steps.position)
    .with_for_update(of=step_executions)
)
_NAME: Final = (
    update(step_executions).where(steps.workflow_id == bindparam("b_workflow_id")).values(head=bindparam("b_head"))
)
_RESTART: Final = changing(operate.Restarted)


def adopt(tx: Tx, adoption: Adoption, deed: Deed | None) -> bool:
    """Write the signed record of an unsigned run, unless it has one; raises UnknownRun and WrongState."""
    run = adoption.evidence.workflow_id
    find(tx, run)
    hops = tx.rows(_OPEN, b_workflow_id=run)
    found, tx = load_evidence(tx, run), tx.later()
    if found.records:
        return False
    protocol.require_unchanged(found, adoption, hops, tx.now)
    keep_beginning(tx, run, adoption.record)
    tx.connection.execute(_NAME, {"b_workflow_id": run, "b_head": adoption.record.digest})
    waiting = [hop for hop in hops if protocol.waits_unsigned(hop)]
    tx.many(_RESTART, [changed(key_of(hop), operate.restart(hop, tx.now, operate.Restart())) for hop in waiting])
    keep_deeds(tx, deed)
    return True
