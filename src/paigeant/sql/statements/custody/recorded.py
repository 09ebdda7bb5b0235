"""Recorded calls and charges of steps, read from their rows."""

from __future__ import annotations

from typing import Any, Final

from paigeant.model.spending.charges import Charge
from paigeant.model.spending.money import cost_of
from paigeant.model.stored.checkpoints import Checkpoint

MICRO: Final = 1_000_000
"""Microseconds in a second: in these the time that a call took is stored."""


def checkpoint_of(row: Any) -> Checkpoint:
    """Return a recorded call, as its row has it."""
    took, under = row.took_us / MICRO, (row.recorded_at, row.fence)
    return Checkpoint(row.key, row.payload, row.fingerprint, row.kind, row.library, took, row.jws, *under)


def charge_of(row: Any) -> Charge:
    """Return a charge, as its row has it."""
    tokens = (row.input_tokens, row.output_tokens, row.cache_read_tokens, row.cache_write_tokens)
    return Charge(row.key, row.provider, row.model, *tokens, cost=cost_of(row.cost_picos), agent=row.agent, jws=row.jws)
