"""A hop and a run as some store may have read them, for the tests of what is decided about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from paigeant.model.outcomes import AttemptError
from paigeant.model.runs import CancelRequest, RunError, RunStatus, StepStatus
from paigeant.model.values.values import Value

ID = UUID(int=1)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
BEFORE, AFTER = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)


@dataclass(frozen=True)
class Hop:
    position: int = 1
    path: str = ""
    direction: str = "execute"
    status: StepStatus = StepStatus.PENDING
    fence: int = 0
    attempt: int = 0
    interruptions: int = 0
    owner: str | None = None
    due_at: datetime | None = NOW
    hint_at: datetime = NOW
    completed_at: datetime | None = None
    accepted: bool | None = None
    epoch: int | None = None
    reason: str | None = None
    wait: str | None = None
    closes: bool | None = None
    committed_by: UUID | None = None
    body: bytes = b"body"
    digest: bytes = b"digest"
    input: Mapping[str, Value] | None = None
    errors: Sequence[AttemptError] | None = None


@dataclass(frozen=True)
class Run:
    workflow_id: UUID = ID
    status: RunStatus = RunStatus.RUNNING
    cancel_requested: CancelRequest | None = None
    deadline: datetime | None = None
    closes_at: datetime | None = None
    completed_at: datetime | None = None
    closing: Sequence[str] | None = None
    error: RunError | None = None
