"""What is recorded while a step runs: results of calls that are not to be made again, and what they cost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from paigeant.model.calls.packed import unpack
from paigeant.model.hops import LeaseToken
from paigeant.model.runs import Direction
from paigeant.model.spending.budgets import Budget
from paigeant.model.values.digests import digest_of
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Blob, Value

KEY_LENGTH: Final = 300
"""Characters of a checkpoint's key, at most."""
KEY: Final = re.compile(rf"[^\x00-\x1f\x7f\ud800-\udfff]{{1,{KEY_LENGTH}}}")
"""What a key consists of: no control characters, and nothing that is no text."""


class Checkpoint(NamedTuple):
    """The recorded result of one call within a step.

    ``key`` is unique within the step, direction and epoch. ``payload`` is its JSON text as :func:`pack` returns it.
    ``fingerprint`` says what was asked, so that a step that asks something else under the same key is noticed. ``kind``
    says what kind of call it was, ``library`` what version of the library made it, ``took`` for how many seconds.
    ``jws`` is what is signed of it, ``at`` when it was recorded, by the store's clock, once it was.
    """

    key: str
    payload: bytes
    fingerprint: str | None = None
    kind: str = "call"
    library: str | None = None
    took: float = 0.0
    jws: bytes | None = None
    at: datetime | None = None

    @property
    def json(self) -> bytes:
        """The result, as JSON text."""
        return unpack(self.payload)

    @property
    def digest(self) -> str:
        """The digest of all that is signed of it: not of for how long it took, nor of when it was."""
        return digest_of(to_json([self.fingerprint, self.kind, self.library, digest_of(self.payload)]))


@dataclass(frozen=True, slots=True)
class Charge:
    """What one request to a model cost; ``key`` is unique within the step and epoch, so that it is counted once.

    ``provider`` and ``model`` are those that answered. ``cost`` is in US dollars, None where the price is not known: it
    is not free.
    """

    key: str
    provider: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost: Decimal | None = None
    agent: str | None = None


class Recording(NamedTuple):
    """What a step wants recorded under its lease, in one transaction: a checkpoint, charges, a variable, or several.

    A variable is a name and its value, and the ``blob`` are the bytes behind that. What is charged counts in the
    ``budgets`` that apply, and what was reserved under the checkpoint's key is given back.
    """

    held: LeaseToken
    checkpoint: Checkpoint | None = None
    charges: Sequence[Charge] = ()
    variable: tuple[str, Value] | None = None
    blob: Blob | None = None
    budgets: Sequence[Budget] = ()


class Recorded(NamedTuple):
    """The answer to a recording: whether the lease was alive, and the checkpoint that counts, the first of its key."""

    alive: bool
    checkpoint: Checkpoint | None = None


class StepEpoch(NamedTuple):
    """A step, the way it goes, and how often it was started afresh: what its checkpoints are kept by."""

    workflow_id: UUID
    step_id: UUID
    direction: Direction
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A charge as the ledger of a run has it: at which hop, by which step, and when."""

    charge: Charge
    step: str
    step_id: UUID
    direction: Direction
    at: datetime
    path: str = ""
    position: int = 0
    epoch: int = 0
    workflow: str = ""
    tenant: str | None = None
