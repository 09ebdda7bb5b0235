"""Statements of pauses of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Text, bindparam, select

from paigeant.protocol.spending.pauses import prolong
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.calls import pauses
from paigeant.sql.schema.tables import Columns

rows: Columns = pauses.c
_HERE: Final = rows.namespace == bindparam("namespace", type_=Text())
_ALL: Final = PreparedStatement(select(rows.model, rows.until).where(_HERE))
_THIS: Final = PreparedStatement(
    select(rows.until, rows.refusals).where(_HERE, rows.model == bindparam("model", type_=Text())).with_for_update()
)


def pause_model(tx: Tx, model: str, seconds: float | None) -> float:
    """Pause a model; returns the length of the pause in seconds."""
    found = tx.rows(_THIS, namespace=tx.namespace, model=model)
    tx = tx.later()  # the previous holder of the lock may have paused it a moment ago
    pause = prolong(found[0] if found else None, seconds, tx.now)
    tx.upsert(pauses, [{"namespace": tx.namespace, "model": model, **pause._asdict()}])
    return (pause.until - tx.now).total_seconds()


def load_pauses(tx: Tx) -> Mapping[str, float]:
    """Return the paused models."""
    left = {row.model: tx.until(row.until) or 0.0 for row in tx.rows(_ALL, namespace=tx.namespace)}
    return {model: seconds for model, seconds in left.items() if seconds > 0}
