"""Statements of deeds: written with their change, and read as stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select

from paigeant.model.people.deeds import Deed, StoredDeed
from paigeant.sql.execution.keys import unindexed
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.custody import deeds

_HERE: Final = deeds.c.namespace == bindparam("namespace")
_OF_RUN: Final = (
    select(deeds)
    .where(deeds.c.workflow_id == bindparam("workflow_id"), unindexed(_HERE))
    .order_by(deeds.c.at, deeds.c.deed_id)
)
_NEWEST: Final = (
    select(deeds).where(_HERE).order_by(deeds.c.at.desc(), deeds.c.deed_id.desc()).limit(bindparam("limit"))
)
_KNOWN: Final = select(deeds.c.deed_id).where(deeds.c.deed_id.in_(bindparam("ids", expanding=True)))


def keep_deeds(tx: Tx, *done: Deed | None) -> None:
    """Write deeds, if there are any; existing ones stay as they are."""
    wanted = {each.deed_id: each for each in done if each is not None}
    if not wanted:
        return
    known = {row.deed_id for row in tx.rows(_KNOWN, ids=list(wanted))}
    rows = [
        {**asdict(each), "namespace": tx.namespace, "at": tx.now}
        for deed_id, each in wanted.items()
        if deed_id not in known
    ]
    if rows:
        tx.connection.execute(deeds.insert(), rows)


def load_deeds(tx: Tx, workflow_id: UUID | None, limit: int) -> list[StoredDeed]:
    """Return the deeds of a run, or the newest of all, in order."""
    if workflow_id is not None:
        return [_read(row) for row in tx.rows(_OF_RUN, workflow_id=workflow_id, namespace=tx.namespace)]
    newest: Sequence[Any] = tx.rows(_NEWEST, namespace=tx.namespace, limit=limit)
    return [_read(row) for row in reversed(newest)]


def _read(row: Any) -> StoredDeed:
    return StoredDeed(
        Deed(row.deed_id, row.workflow_id, row.verb, row.by, row.via, row.arguments, row.text, row.jws), row.at
    )
