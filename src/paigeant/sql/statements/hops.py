"""Common statements of hops, for leases, commits and operators."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from types import NoneType
from typing import Any, Final, NamedTuple, get_type_hints
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Row, bindparam, select, update

from paigeant.model.hold import Hold, WaitState
from paigeant.model.hops import Grant, Record, Recorded, Twin
from paigeant.model.message import HopKey
from paigeant.model.routing_slip import PassedEntry
from paigeant.model.runs import Direction
from paigeant.model.values.values import Blob
from paigeant.protocol import holds, leases
from paigeant.protocol.fan.joins import cancel_on
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of, unindexed
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, heartbeats, step_executions, values

steps: Columns = step_executions.c
OPEN: Final = steps.completed_at.is_(None)
"""Condition that the hop has a twin, that is, is not done."""

STILL_OPEN: Final = unindexed(OPEN)
"""The same for a hop that is found by its key."""

HOP: Final = (steps.workflow_id, steps.path, steps.position)
THIS_HOP: Final = (
    (steps.workflow_id == bindparam("b_workflow_id"))
    & (steps.path == bindparam("b_path"))
    & (steps.position == bindparam("b_position"))
)

_ADD_HOP: Final = PreparedStatement(step_executions.insert())
_ADD_PASSED: Final = PreparedStatement(step_executions.insert())
_RECORDS: Final = PreparedStatement(
    select(*HOP, steps.output, steps.log, steps.undo_before).join_from(hop_list, step_executions, IN_HOP_LIST)
)

_DETAILS: Final = select(
    heartbeats.c.workflow_id, heartbeats.c.path, heartbeats.c.position, heartbeats.c.detail
).join_from(
    hop_list,
    heartbeats,
    (heartbeats.c.workflow_id == hop_list.c.workflow_id)
    & (heartbeats.c.path == hop_list.c.path)
    & (heartbeats.c.position == hop_list.c.position),
)


def changing(change: type[tuple[Any, ...]], *where: ColumnElement[bool]) -> PreparedStatement:
    """Return the statement that writes a change of this kind to a hop; its fields are columns.

    Fields that are always None are no parameters.
    """
    made: dict[str, BindParameter[Any] | None] = {
        name: None if kind is NoneType else bindparam(f"new_{name}") for name, kind in get_type_hints(change).items()
    }
    return PreparedStatement(update(step_executions).where(THIS_HOP, *where).values(made))


def changed(key: HopKey, change: NamedTuple) -> dict[str, Any]:
    """Return the parameters of :func:`changing` for this hop."""
    return bound(key) | {f"new_{name}": value for name, value in zip(change._fields, change, strict=True)}


def key_of(row: Row[Any]) -> HopKey:
    """Return the key of a row that has one."""
    return HopKey(row.workflow_id, row.path, row.position)


def bound(key: HopKey) -> dict[str, Any]:
    """Return the parameters of :data:`THIS_HOP`."""
    return {"b_workflow_id": key.workflow_id, "b_path": key.path, "b_position": key.position}


def undone_by(row: Row[Any]) -> HopKey | None:
    """Return the key of the hop that this row's hop undoes."""
    if row.undoes_position is None:
        return None
    return HopKey(row.workflow_id, row.undoes_path, row.undoes_position)


def records(tx: Tx, undone: Iterable[HopKey | None]) -> dict[HopKey | None, Record]:
    """Return the records of hops that are to be undone; no query without any.

    An unreadable row is read by itself: it must not make the whole query of a worker fail.
    """
    keys = [key for key in undone if key is not None]
    try:
        found = tx.rows(_RECORDS, keys=keys_of(keys)) if keys else ()
    except ValueError:
        if len(keys) == 1:
            return {keys[0]: Record(None, None, spoilt=True)}
        return {key: record for one in keys for key, record in records(tx, [one]).items()}
    return {key_of(row): Record(row.output, row.log, row.undo_before or ()) for row in found}


def grant_of(tx: Tx, row: Any, record: Record | None, detail: bytes | None) -> Grant:
    """Return the grant of a lease just taken on the hop of this row, which has the common columns of leases."""
    return Grant(
        key_of(row),
        row.step,
        row.body,
        row.fence + 1,
        row.attempt + 1,
        leased_at=tx.now,
        interrupted=leases.is_interrupted(row),
        cancel=cancel_on(row, row.path),
        remaining=tx.until(row.deadline),
        record=record,
        detail=detail,
        accepted=bool(row.accepted),
        recorded=Recorded(str(row.step_id).replace("-", ""), row.direction, undone_by(row), row.digest),
        waited=max(-(tx.until(row.due_at) or 0.0), 0.0),
        edited=bool(row.edited),
        epoch=row.epoch or 0,
        head=row.head,
        wait=_wait_of(row.wait),
    )


def _wait_of(wait: str | None) -> WaitState | None:
    """Return the state of a wait; None for an unreadable one."""
    return _WAITS.get(leases.end_wait(wait) or "")


def details(tx: Tx, hops: Iterable[HopKey]) -> dict[HopKey, bytes]:
    """Return the last progress of steps."""
    return {key_of(row): row.detail for row in tx.rows(_DETAILS, keys=keys_of(hops))}


def note(tx: Tx, said: Mapping[HopKey, bytes]) -> None:
    """Store the progress of steps."""
    tx.upsert(heartbeats, [{**_key_row(key), "detail": detail, "said_at": tx.now} for key, detail in said.items()])


class NewTwin(NamedTuple):
    """Twin to be written, due when its hold ends, or leased to an owner for a time; ``closes``: it is to end."""

    twin: Twin
    owner: str | None
    lease: timedelta
    closes: bool = False


_WAITS: Final = {each.value: each for each in WaitState}

NOBODY: Final[tuple[None, timedelta]] = (None, timedelta(0))
"""Stand-in for a :class:`~paigeant.model.hops.Taker`: the hop is due, without a lease."""


def add_twins(tx: Tx, twins: Sequence[NewTwin]) -> None:
    """Write twins."""
    if not twins:
        return
    tx.many(_ADD_HOP, [twin_row(tx, *twin) for twin in twins])


def twin_row(tx: Tx, twin: Twin, owner: str | None, lease: timedelta, closes: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
    """Return the row of a twin, due when its hold ends, or leased to an owner for a time."""
    return {
        **_key_row(twin.key),
        "namespace": tx.namespace,
        "step": twin.topic,
        "step_id": twin.step_id,
        "direction": twin.direction,
        "undoes_path": None if twin.undoes is None else twin.undoes.path,
        "undoes_position": None if twin.undoes is None else twin.undoes.position,
        "kind": twin.kind,
        "label": twin.label,
        **new_state(twin.hold, tx.now, closes, owner, lease),
        "body": twin.body,
        "digest": digest_of(twin),
    }


def digest_of(twin: Twin) -> bytes:
    """Return the digest of the bytes of a hop's message."""
    return hashlib.sha256(twin.body).digest()


@lru_cache(maxsize=64)
def new_state(hold: Hold, now: datetime, closes: bool, owner: str | None, lease: timedelta) -> Mapping[str, Any]:  # noqa: FBT001
    """Return the state columns of a new hop; they are cached, since many hops of one transaction share them."""
    added = holds.add(hold, now, closes=closes)
    return {**added._asdict(), **({} if owner is None else leases.take(added, owner, now, lease)._asdict())}


def add_passed(tx: Tx, passed: Iterable[tuple[HopKey, PassedEntry]]) -> None:
    """Write entries passed on the paths of these hops: they are done at once, without a twin."""
    rows = [
        {
            **_key_row(before),
            "position": each.position,
            "namespace": tx.namespace,
            "step": each.topic,
            "step_id": each.step_id,
            "direction": Direction.EXECUTE,
            **holds.pass_by(each, tx.now)._asdict(),
        }
        for before, each in passed
    ]
    if rows:
        tx.many(_ADD_PASSED, rows)


def _key_row(key: HopKey) -> dict[str, Any]:
    return {"workflow_id": key.workflow_id, "path": key.path, "position": key.position}


def keep_blobs(tx: Tx, blobs: Iterable[tuple[UUID, Blob]]) -> None:
    """Store the bytes behind references, once each."""
    tx.add(values, [{"workflow_id": run, "sha256": blob.sha256, "json": blob.json} for run, blob in blobs])
