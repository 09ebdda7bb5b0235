"""How announced hops stand: asked only about those that could not be leased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, select

from paigeant.model.hops import NoticeStatus
from paigeant.model.message import HopKey
from paigeant.protocol import notice
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of
from paigeant.sql.execution.transaction import Tx, chunks
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.statements.hops import HOP, key_of, steps

runs: Columns = workflow_runs.c
_HOPS: Final = (
    select(*HOP, steps.completed_at, steps.digest)
    .join_from(hop_list, step_executions, IN_HOP_LIST)
    .where(steps.namespace == bindparam("namespace"))
)
_RUNS: Final = select(runs.workflow_id).where(
    runs.namespace == bindparam("namespace"), runs.workflow_id.in_(bindparam("ids", expanding=True))
)


def find_notice_status(tx: Tx, notices: Sequence[tuple[HopKey, bytes]]) -> list[NoticeStatus]:
    """Return how announced hops stand, in order."""
    rows = tx.rows(_HOPS, keys=keys_of(key for key, _ in notices), namespace=tx.namespace)
    hops = {key_of(row): row for row in rows}
    missing = sorted({key.workflow_id for key, _ in notices if key not in hops})
    known = {row.workflow_id for part in chunks(missing) for row in tx.rows(_RUNS, namespace=tx.namespace, ids=part)}
    return [notice.find_status(hops.get(key), digest, run_known=key.workflow_id in known) for key, digest in notices]
