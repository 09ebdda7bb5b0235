"""What the memory store keeps of what happens within steps."""

from __future__ import annotations

from typing import TypeAlias

from paigeant.model.stored.checkpoints import Checkpoint, LedgerEntry, StepEpoch

Checkpoints: TypeAlias = dict[StepEpoch, dict[str, Checkpoint]]
"""By step, and then by key."""

Ledger: TypeAlias = dict[tuple[StepEpoch, str], LedgerEntry]
"""By step, and the key of the charge."""
