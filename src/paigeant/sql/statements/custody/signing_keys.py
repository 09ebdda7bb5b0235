"""Statements of published keys: written once, found by their thumbprints, and deleted once no run depends on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select

from paigeant.model.custody.keys import PublishedKey, StoredKey
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.custody import signing_keys
from paigeant.sql.schema.tables import Columns, workflow_runs

TOGETHER: Final = 1_000

_c: Final = signing_keys.c
_runs: Columns = workflow_runs.c
_HERE: Final = _c.namespace == bindparam("namespace")
_THESE: Final = select(signing_keys).where(_HERE, _c.kid.in_(bindparam("kids", expanding=True)))
_NEWEST: Final = select(signing_keys).where(_HERE).order_by(_c.at.desc(), _c.kid).limit(bindparam("limit"))
_FIRST: Final = select(func.min(_runs.number)).where(_runs.namespace == bindparam("namespace")).scalar_subquery()
_OLDEST: Final = select(_runs.created_at).where(_runs.number == _FIRST)
_DROP: Final = delete(signing_keys).where(_HERE, _c.until < bindparam("before"))


def keep_keys(tx: Tx, keys: Sequence[PublishedKey]) -> None:
    """Write keys; existing ones stay as they are."""
    tx.add(signing_keys, [{**key._asdict(), "namespace": tx.namespace, "at": tx.now} for key in keys])


def find_keys(tx: Tx, kids: Collection[str]) -> list[StoredKey]:
    """Return the stored keys with these thumbprints."""
    wanted = sorted(kids)
    parts = (wanted[first : first + TOGETHER] for first in range(0, len(wanted), TOGETHER))
    return [
        _read(row)
        for part in parts
        for row in sorted(tx.rows(_THESE, namespace=tx.namespace, kids=part), key=lambda row: row.kid)
    ]


def list_keys(tx: Tx, limit: int) -> list[StoredKey]:
    """Return the newest keys."""
    return [_read(row) for row in tx.rows(_NEWEST, namespace=tx.namespace, limit=limit)]


def drop_past_keys(tx: Tx, before: datetime) -> None:
    """Delete keys that were out of use by then, and before the oldest remaining run began."""
    oldest = [row.created_at for row in tx.rows(_OLDEST, namespace=tx.namespace)]
    tx.connection.execute(_DROP, {"namespace": tx.namespace, "before": min([before, *oldest])})


def _read(row: Any) -> StoredKey:
    return StoredKey(PublishedKey(row.kid, row.kind, row.text, row.jws, row.until), row.at)
