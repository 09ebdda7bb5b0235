"""Statements of records: written with their hop, and read as stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select

from paigeant.model.custody.records import SignedRecord, StoredRecord
from paigeant.model.hops import Commit, RunStart, Twin
from paigeant.model.message import HopKey
from paigeant.protocol.holds import place_of_branch
from paigeant.sql.execution.keys import unindexed
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.custody import records
from paigeant.sql.schema.tables import Columns, workflow_runs

runs: Columns = workflow_runs.c
RECORD: Final = ("kind", "text", "jws", "digest")

_ADD: Final = PreparedStatement(records.insert())
_OF_RUN: Final = PreparedStatement(
    select(records)
    .join_from(workflow_runs, records, records.c.workflow_id == runs.workflow_id)
    .where(runs.workflow_id == bindparam("workflow_id"), unindexed(runs.namespace == bindparam("namespace")))
    .order_by(records.c.position, records.c.path, records.c.fence)
)


def keep_records(tx: Tx, commits: Iterable[Commit]) -> None:
    """Write the signed records of these commits; no statement without any."""
    rows = [
        {**_place(one.held.key, one.held.fence), **record_row(one.record), "at": tx.now}
        for one in commits
        if one.record is not None
    ]
    tx.many(_ADD, rows)


def keep_branches(tx: Tx, twins: Iterable[Twin]) -> None:
    """Write the signed records of branches that begin with these twins."""
    rows = [
        {**_place(*place_of_branch(twin)), **record_row(twin.record), "at": tx.now}
        for twin in twins
        if twin.record is not None
    ]
    tx.many(_ADD, rows)


def keep_dispatches(tx: Tx, starts: Iterable[RunStart]) -> None:
    """Write the signed records of the dispatches of these runs."""
    rows = [
        {**_place(HopKey(one.workflow_id, "", 0), 0), **record_row(one.record), "at": tx.now}
        for one in starts
        if one.record is not None
    ]
    tx.many(_ADD, rows)


def keep_beginning(tx: Tx, workflow_id: UUID, record: SignedRecord, fence: int = 0) -> None:
    """Write the signed record of an adopted run, in the place of a dispatch; with another fence one beside that."""
    tx.many(_ADD, [{**_place(HopKey(workflow_id, "", 0), fence), **record_row(record), "at": tx.now}])


def _place(key: HopKey, fence: int) -> dict[str, Any]:
    return {"workflow_id": key.workflow_id, "path": key.path, "position": key.position, "fence": fence}


def record_row(record: SignedRecord | None) -> dict[str, Any]:
    """Return the columns of a record besides its place, all None without one."""
    if record is None:
        return dict.fromkeys(RECORD)
    return {
        "kind": record.kind,
        "text": record.text.decode(),
        "jws": record.jws.decode(),
        "digest": record.digest,
    }


def load_records(tx: Tx, workflow_id: UUID) -> list[StoredRecord]:
    """Return the records of a run as stored, by position, path and fence."""
    return [
        StoredRecord(HopKey(row.workflow_id, row.path, row.position), row.fence, _read(row), row.at)
        for row in tx.rows(_OF_RUN, workflow_id=workflow_id, namespace=tx.namespace)
    ]


def _read(row: Any) -> SignedRecord:
    return SignedRecord(row.kind, row.text.encode(), row.jws.encode())
