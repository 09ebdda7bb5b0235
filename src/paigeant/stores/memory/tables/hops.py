"""The row of a hop in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from paigeant.model.hold import WaitState
from paigeant.model.hops import Sealed, Twin
from paigeant.model.message import HopKey
from paigeant.model.outcomes import AttemptError
from paigeant.model.revision import Revision
from paigeant.model.routing_slip import Compensation, PassedEntry
from paigeant.model.runs import Direction, StepStatus
from paigeant.model.values.values import Value
from paigeant.protocol import holds


@dataclass(slots=True)
class HopRow:
    """One hop, and while it is pending the durable twin: not leased before ``due_at``, or before a resume if None."""

    key: HopKey
    step: str
    step_id: UUID
    direction: Direction
    body: bytes
    digest: bytes
    undoes: HopKey | None
    due_at: datetime | None
    hint_at: datetime
    hints: int = 0
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    interruptions: int = 0
    fence: int = 0
    owner: str | None = None
    worker: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    committed_by: UUID | None = None
    input: Mapping[str, Value] | None = None
    output: Value | None = None
    error: AttemptError | None = None
    log: Value | None = None
    compensable: bool = False
    undo_before: tuple[Compensation, ...] | None = None
    reason: str | None = None
    awaits: str | None = None
    wait: WaitState | None = None
    head: str | None = None
    kind: str | None = None
    label: str | None = None
    errors: Sequence[AttemptError] | None = None
    detail: bytes | None = None
    said_at: datetime | None = None
    interface: str | None = None
    accepted: bool | None = None
    revision: Revision | None = None
    epoch: int | None = None
    closes: bool | None = None

    @classmethod
    def behind(cls, key: HopKey, passed: PassedEntry, now: datetime) -> HopRow:
        """Return the row of a passed entry."""
        row = cls(key, passed.topic, passed.step_id, Direction.EXECUTE, b"", b"", None, None, now)
        row.change(holds.pass_by(passed, now))
        return row

    @classmethod
    def of(cls, twin: Twin, now: datetime, *, closes: bool = False) -> HopRow:
        """Return the row of a twin, due when its hold ends; ``closes``: its branch is to end."""
        digest, added = hashlib.sha256(twin.body).digest(), holds.add(twin.hold, now, closes=closes)
        row = cls(
            *(twin.key, twin.topic, twin.step_id, twin.direction, twin.body, digest, twin.undoes),
            due_at=added.due_at,
            hint_at=added.hint_at,
            kind=twin.kind,
            label=twin.label,
        )
        row.change(added)
        return row

    @property
    def workflow_id(self) -> UUID:
        """Its run."""
        return self.key.workflow_id

    @property
    def path(self) -> str:
        """Its branch; the trunk's is empty."""
        return self.key.path

    @property
    def position(self) -> int:
        """Its place in that branch."""
        return self.key.position

    @property
    def deed(self) -> tuple[UUID, Direction]:
        """Identity of the work: this step, forward or compensating."""
        return self.step_id, self.direction

    @property
    def sealed(self) -> Sealed:
        """The message that announces it."""
        return Sealed(self.key.message_id, self.step, self.body)

    def change(self, change: NamedTuple) -> None:
        """Write a change, whose fields are the columns that it sets."""
        for name, value in zip(change._fields, change, strict=True):
            setattr(self, name, value)

    def note(self, detail: bytes | None, now: datetime) -> None:
        """Store the step's progress, if any."""
        if detail is not None:
            self.detail, self.said_at = detail, now
