"""Checkpoints: recorded results of calls within a step, with their charges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from paigeant.model.calls.packed import unpack
from paigeant.model.hops import LeaseToken
from paigeant.model.runs import Direction
from paigeant.model.spending.budgets import Budget
from paigeant.model.spending.charges import Charge
from paigeant.model.values.digests import digest_of
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Blob, Value


class Checkpoint(NamedTuple):
    """The recorded result of one call within a step.

    ``key`` is unique within the step, direction and epoch. ``payload`` is its JSON text as :func:`pack` returns it.
    ``fingerprint`` identifies the request, so that a different request under the same key is noticed. ``kind`` is the
    kind of call, ``library`` the version of the library that made it, ``took`` its duration in seconds. ``jws`` is its
    signature, ``at`` the time of recording, by the store's clock, ``fence`` that of the lease.
    """

    key: str
    payload: bytes
    fingerprint: str | None = None
    kind: str = "call"
    library: str | None = None
    took: float = 0.0
    jws: bytes | None = None
    at: datetime | None = None
    fence: int = 0

    @property
    def json(self) -> bytes:
        """The result, as JSON text."""
        return unpack(self.payload)

    @property
    def digest(self) -> str:
        """Digest of all its signed fields: all but the duration and the time of recording."""
        return digest_of(to_json([self.fingerprint, self.kind, self.library, digest_of(self.payload)]))


class Recording(NamedTuple):
    """Writes of a running step under its lease, in one transaction: a checkpoint, charges, a variable, or several.

    A variable is a name and its value, and ``blob`` holds the bytes behind it. Charges are counted in the ``budgets``
    that apply, and the reservation under the checkpoint's key is released.
    """

    held: LeaseToken
    checkpoint: Checkpoint | None = None
    charges: Sequence[Charge] = ()
    variable: tuple[str, Value] | None = None
    blob: Blob | None = None
    budgets: Sequence[Budget] = ()


class Recorded(NamedTuple):
    """Answer to a recording: whether the lease was alive, and the checkpoint that counts, the first of its key."""

    alive: bool
    checkpoint: Checkpoint | None = None


class StepEpoch(NamedTuple):
    """Key of a step's checkpoints: the step, its direction and its epoch."""

    workflow_id: UUID
    step_id: UUID
    direction: Direction
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """Charge in the ledger of a run: with its hop, step and time."""

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
    fence: int = 0
