"""What is recorded while a step runs: results of calls that are not to be made again, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, NamedTuple
from uuid import UUID

from paigeant.model.runs import Direction
from paigeant.model.values.values import Blob, Value

KEY_LENGTH: Final = 1_000
"""Characters of a checkpoint's or a charge's key, at most."""

_NANOS: Final = Decimal(1_000_000_000)


class Checkpoint(NamedTuple):
    """The recorded result of one call within a step.

    ``key`` is unique within the step and direction. ``fingerprint`` says what was asked, so that a step that asks
    something else under the same key is noticed.
    """

    key: str
    value: Value
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """What one request to a model cost; ``key`` is unique within the run, so that it is counted once.

    ``cost`` is in US dollars, None where the price is not known: it is not free.
    """

    key: str
    provider: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost: Decimal | None = None


class Recording(NamedTuple):
    """What a step wants recorded, in one transaction: a checkpoint, a charge, or a variable, a name and its value.

    The ``blob`` are the bytes behind the checkpoint or the variable.
    """

    checkpoint: Checkpoint | None = None
    blob: Blob | None = None
    charge: Charge | None = None
    variable: tuple[str, Value] | None = None


class Recorded(NamedTuple):
    """The answer to a recording: whether the lease was alive, and the checkpoint that counts, the first of its key."""

    alive: bool
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A charge as the ledger of a run has it: by which step, and when."""

    charge: Charge
    step_id: UUID
    direction: Direction
    at: datetime


def nanos_of(cost: Decimal | None) -> int | None:
    """Return a cost in billionths of a dollar, as it is stored: an integer, so that sums are exact everywhere."""
    return None if cost is None else int((cost * _NANOS).to_integral_value(ROUND_HALF_EVEN))


def cost_of(nanos: int | None) -> Decimal | None:
    """Return the cost that was stored."""
    return None if nanos is None else Decimal(nanos) / _NANOS
