"""Recorded calls of a run's steps, with the cost of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from paigeant.abc import Store
from paigeant.model.calls.recorded import CallRow, RecordedCall, name_of
from paigeant.model.stored.checkpoints import LedgerEntry


async def list_calls(store: Store, workflow_id: UUID) -> list[RecordedCall]:
    """Return the recorded calls of a run in the order in which they were recorded; raises UnknownRun."""
    await store.get_status(workflow_id)
    charged: dict[tuple[UUID, int, str], list[LedgerEntry]] = {}
    for entry in await store.read_ledger(workflow_id):
        key = entry.charge.key.rpartition("/")[0] if _is_within(entry) else entry.charge.key
        charged.setdefault((entry.step_id, entry.epoch, key), []).append(entry)
    return [
        _call(row, charged.get((row.step_id, row.epoch, row.key), ()))
        for row in await store.list_calls(workflow_id)
        if row.kind != "mark"
    ]


def _is_within(entry: LedgerEntry) -> bool:
    """True for a charge of an agent that ran within a tool's call, which is charged with that call."""
    return entry.charge.agent is None and entry.charge.key.rpartition("/")[2].isdecimal()


def _call(row: CallRow, entries: Sequence[LedgerEntry]) -> RecordedCall:
    said = {name: value for name, value in row._asdict().items() if name in RecordedCall.model_fields}
    return RecordedCall(name=name_of(row.key), lease=row.fence, **said, **_spent(entries))


def _spent(entries: Sequence[LedgerEntry]) -> Mapping[str, Any]:
    if not entries:
        return {}
    charges = [entry.charge for entry in entries]
    priced = [charge.cost for charge in charges if charge.cost is not None]
    return {
        "model": charges[0].model,
        "provider": charges[0].provider,
        "input_tokens": sum(charge.input_tokens for charge in charges),
        "output_tokens": sum(charge.output_tokens for charge in charges),
        "usd": sum(priced, Decimal(0)) if priced else None,
    }
