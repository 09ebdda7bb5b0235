"""Rows of recordings and signals in the memory store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from paigeant.model.calls.histories import History
from paigeant.model.hops import LeaseToken
from paigeant.model.spending.budgets import Amount
from paigeant.model.stored.checkpoints import Checkpoint, LedgerEntry, StepEpoch
from paigeant.model.values.values import Value
from paigeant.protocol.spending.budgets import BudgetState
from paigeant.protocol.spending.pauses import Pause


class CheckpointRow(NamedTuple):
    """A checkpoint, with its number in the run, and the lease under which it was recorded."""

    number: int
    checkpoint: Checkpoint
    fence: int
    worker: str | None
    at: datetime


Checkpoints: TypeAlias = dict[StepEpoch, dict[str, CheckpointRow]]
"""By step, and then by key."""

Histories: TypeAlias = dict[tuple[str, int], tuple[History, datetime]]
"""By path and position, each with when it was written."""

Ledger: TypeAlias = dict[tuple[StepEpoch, str], LedgerEntry]
"""By step, and the key of the charge."""


@dataclass(frozen=True, slots=True)
class ReservationRow:
    """Reserved amount of a call, its budgets, and its lease."""

    held: LeaseToken
    scopes: tuple[str, ...]
    amount: Amount


Reservations: TypeAlias = dict[tuple[StepEpoch, str], ReservationRow]
"""By step, and the key of the call."""


@dataclass(slots=True)
class Calls:
    """Rows of calls outside of runs: they outlive the runs, or belong to none."""

    ledger: Ledger = field(default_factory=Ledger)
    approvals: dict[int, Any] = field(default_factory=dict[int, Any])
    """The questions of steps, by their numbers."""
    pauses: dict[str, Pause] = field(default_factory=dict[str, Pause])
    """By model."""
    budgets: dict[str, BudgetState] = field(default_factory=dict[str, BudgetState])
    """By scope."""
    budgets_at: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Time of the last write of each."""
    reservations: Reservations = field(default_factory=Reservations)


@dataclass(slots=True)
class SignalRow:
    """A signal of a run, and the place of the hop that it has met; ``number`` is the order of arrival."""

    number: int
    name: str
    payload: Value
    path: str | None = None
    position: int | None = None
