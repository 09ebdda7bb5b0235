"""Statements of signals: a signal and its wait meet in either order, since both lock the row of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, func, select, update

from paigeant.model.message import HopKey
from paigeant.model.stored.signals import Receipt, SentSignal
from paigeant.model.values.values import Value
from paigeant.protocol import signals as protocol
from paigeant.sql.execution.keys import (
    IN_HOP_LIST,
    hop_list,
    keys_of,
    names_of,
    one_of,
    run_list,
    runs_of,
    unindexed,
    wanted,
)
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, signals, step_executions, workflow_runs, workflow_variables
from paigeant.sql.statements.custody.deeds import keep_deeds
from paigeant.sql.statements.hops import HOP, OPEN, changed, changing, keep_blobs, key_of, steps

sent: Columns = signals.c
_WAIT: Final = (*HOP, steps.awaits, steps.completed_at)
_RUNS: Final = PreparedStatement(
    select(workflow_runs.c.workflow_id, workflow_runs.c.namespace, workflow_runs.c.completed_at)
    .join_from(run_list, workflow_runs, workflow_runs.c.workflow_id == run_list.c.workflow_id)
    .order_by(workflow_runs.c.workflow_id)
    .with_for_update(of=workflow_runs, key_share=True)
)
_WAITS: Final = PreparedStatement(
    select(*_WAIT)
    .join_from(run_list, step_executions, steps.workflow_id == run_list.c.workflow_id)
    .where(one_of(steps.workflow_id, "runs"), unindexed(OPEN), steps.awaits.is_not(None))
    .order_by(*HOP)
    .with_for_update(of=step_executions)
)
_THESE_WAITS: Final = PreparedStatement(
    select(*_WAIT).join_from(hop_list, step_executions, IN_HOP_LIST).where(steps.awaits.is_not(None))
)
_KNOWN: Final = PreparedStatement(
    select(sent.workflow_id, sent.signal_id).join_from(
        wanted, signals, (sent.workflow_id == wanted.c.workflow_id) & (sent.signal_id == wanted.c.name)
    )
)
_COUNT: Final = PreparedStatement(
    select(
        run_list.c.workflow_id,
        select(func.count())
        .where(sent.workflow_id == run_list.c.workflow_id, sent.position.is_(None))
        .correlate(run_list)
        .scalar_subquery()
        .label("kept"),
    )
)
_KEPT: Final = PreparedStatement(
    select(sent.workflow_id, sent.number, sent.name, sent.payload, sent.position)
    .join_from(wanted, signals, (sent.workflow_id == wanted.c.workflow_id) & (sent.name == wanted.c.name))
    .where(one_of(sent.workflow_id, "runs"), sent.position.is_(None))
)
"""The runs are listed twice: SQLite searches by the list, PostgreSQL, without statistics, by the array."""
_ADD: Final = PreparedStatement(signals.insert())
_PLACE: Final = PreparedStatement(
    update(signals)
    .where(sent.number == bindparam("b_number"))
    .values(path=bindparam("b_path"), position=bindparam("b_position"))
)
_MEET: Final = changing(protocol.Met)


class _Met(NamedTuple):
    """Ended wait: the hop, and the name and the value of the variable that the signal sets."""

    key: HopKey
    name: str
    payload: Value


def send(tx: Tx, coming: Sequence[SentSignal]) -> list[Receipt]:
    """Deliver signals to their runs, in order; one answer each."""
    runs = runs_of(one.workflow_id for one in coming)
    found = {row.workflow_id: row for row in tx.rows(_RUNS, runs=runs) if row.namespace == tx.namespace}
    tx = tx.later()  # writes of the previous holders of the locks were earlier
    ids = names_of((one.workflow_id, one.signal_id, "") for one in coming)
    known = {(row.workflow_id, row.signal_id) for row in tx.rows(_KNOWN, names=ids)}
    kept = Counter[UUID]({row.workflow_id: row.kept for row in tx.rows(_COUNT, runs=runs)})
    waits: dict[UUID, list[Any]] = {}
    for row in tx.rows(_WAITS, runs=runs):
        waits.setdefault(row.workflow_id, []).append(row)
    receipts: list[Receipt] = []
    accepted: list[tuple[SentSignal, Any]] = []
    for one in coming:
        receipt, hop = protocol.receive(
            found.get(one.workflow_id),
            one.name,
            waits.get(one.workflow_id, ()),
            repeated=(one.workflow_id, one.signal_id) in known,
            kept=kept[one.workflow_id],
        )
        receipts.append(receipt)
        if receipt in {Receipt.MET, Receipt.KEPT}:
            accepted.append((one, hop))
            known.add((one.workflow_id, one.signal_id))
            kept[one.workflow_id] += receipt is Receipt.KEPT
            if hop is not None:
                waits[one.workflow_id].remove(hop)
    _write(tx, accepted)
    return receipts


def _write(tx: Tx, accepted: Sequence[tuple[SentSignal, Any]]) -> None:
    keep_blobs(tx, [(one.workflow_id, one.blob) for one, _ in accepted if one.blob is not None])
    rows = [
        {
            "workflow_id": one.workflow_id,
            "signal_id": one.signal_id,
            "name": one.name,
            "payload": one.payload,
            "path": None if hop is None else hop.path,
            "position": None if hop is None else hop.position,
            "sent_at": tx.now,
        }
        for one, hop in accepted
    ]
    tx.many(_ADD, rows)
    keep_deeds(tx, *(one.deed for one, _ in accepted))
    _meet(tx, [_Met(key_of(hop), one.name, one.payload) for one, hop in accepted if hop is not None])


def meet_kept(tx: Tx, keys: Iterable[HopKey]) -> None:
    """End those of these new waits for which a signal arrived before."""
    waits = tx.rows(_THESE_WAITS, keys=keys_of(keys))
    names = names_of((wait.workflow_id, wait.awaits, "") for wait in waits)
    runs = runs_of(wait.workflow_id for wait in waits)
    kept = list(tx.rows(_KEPT, runs=runs, names=names)) if waits else []
    met: list[_Met] = []
    places: list[dict[str, Any]] = []
    for wait in sorted(waits, key=lambda wait: (wait.position, wait.path)):
        signal = protocol.find_kept(wait.awaits, [one for one in kept if one.workflow_id == wait.workflow_id])
        if signal is not None:
            kept.remove(signal)
            met.append(_Met(key_of(wait), signal.name, signal.payload))
            places.append({"b_number": signal.number, "b_path": wait.path, "b_position": wait.position})
    tx.many(_PLACE, places)
    _meet(tx, met)


def _meet(tx: Tx, met: Sequence[_Met]) -> None:
    """Set the signals' payloads as variables of their names at the waiting hops, and end the waits."""
    tx.many(_MEET, [changed(one.key, protocol.meet(tx.now)) for one in met])
    rows = [{**one.key._asdict(), "name": one.name, "value": one.payload, "updated_at": tx.now} for one in met]
    tx.upsert(workflow_variables, rows)
