"""What the memory store keeps: the rows of runs, hops and workers, by their keys."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from paigeant.aio.changes import Changes
from paigeant.model.dead_letters import DeadLetter
from paigeant.model.hops import FIRST_HINT, GRACE, SUSPECT, LeaseToken, Sealed, Twin, WorkerCard
from paigeant.model.message import HopKey
from paigeant.model.plan import ActivityCard, Plan
from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import AttemptError, CancelRequest, Direction, RunError, RunStatus, StepStatus
from paigeant.model.values import Blob, Value
from paigeant.stores.memory.clock import Clock

PENDING: Final = frozenset({StepStatus.PENDING, StepStatus.RUNNING, StepStatus.WAITING, StepStatus.RETRYING})
"""The statuses of a hop that still has a twin."""


@dataclass(slots=True)
class RunRow:
    """One run; ``place`` is the order in which runs were recorded."""

    workflow_id: UUID
    workflow: str
    trace_id: str
    input: Value
    input_sha256: str
    created_at: datetime
    place: int
    dispatch_key: str | None = None
    tenant: str | None = None
    deadline: datetime | None = None
    status: RunStatus = RunStatus.PENDING
    reason: str | None = None
    cancel: CancelRequest | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: RunError | None = None
    output: Value | None = None
    variables: dict[str, Value] = field(default_factory=dict[str, Value])
    values: dict[str, bytes] = field(default_factory=dict[str, bytes])
    done: set[tuple[UUID, Direction]] = field(default_factory=set[tuple[UUID, Direction]])
    """A step is completed, and undone, at most once, whatever the positions."""

    def keep(self, blobs: tuple[Blob, ...]) -> None:
        """Keep the bytes behind references."""
        self.values.update((blob.sha256, blob.json) for blob in blobs)


@dataclass(slots=True)
class HopRow:
    """One hop, and while it is pending the durable twin: not leased before ``due_at``, or before a resume if None."""

    key: HopKey
    topic: str
    step_id: UUID
    direction: Direction
    body: bytes
    digest: bytes
    undoes: int | None
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
    output: Value | None = None
    log: Value | None = None
    compensable: bool = False
    before: Compensation | None = None
    reason: str | None = None
    errors: list[AttemptError] = field(default_factory=list[AttemptError])
    detail: bytes | None = None
    detail_at: datetime | None = None
    interface: str | None = None
    accepted: bool = False

    @classmethod
    def of(cls, twin: Twin, now: datetime) -> HopRow:
        """Return the row of a twin that is due at once."""
        digest = hashlib.sha256(twin.body).digest()
        return cls(
            twin.key, twin.topic, twin.step_id, twin.direction, twin.body, digest, twin.undoes, now, now + FIRST_HINT
        )

    @property
    def pending(self) -> bool:
        """It has a twin: it is not behind."""
        return self.status in PENDING

    @property
    def deed(self) -> tuple[UUID, Direction]:
        """What is done here: this step, or its undoing."""
        return self.step_id, self.direction

    @property
    def sealed(self) -> Sealed:
        """The message that announces it."""
        return Sealed(self.key.message_id, self.topic, self.body)

    def is_due(self, now: datetime) -> bool:
        """Its time has come, or the lease on it has run out."""
        return self.pending and self.due_at is not None and self.due_at <= now

    @property
    def suspect(self) -> bool:
        """Its step may be what kills its workers."""
        return self.interruptions + (self.owner is not None) >= SUSPECT

    def is_held_by(self, held: LeaseToken) -> bool:
        """The fence shown is that of the lease that nobody has taken over yet."""
        return self.pending and self.owner is not None and self.fence == held.fence

    def take(self, owner: str, now: datetime, lease: timedelta) -> None:
        """Begin a lease: the attempt is counted and the fence rises."""
        self.fence += 1
        self.attempt += 1
        self.interruptions += self.owner is not None
        self.status, self.reason, self.interface = StepStatus.RUNNING, None, None
        self.owner = self.worker = owner
        self.started_at = now
        self.renew(now, lease)

    def renew(self, now: datetime, lease: timedelta) -> None:
        """Let the lease end so much later."""
        self.due_at = now + lease
        self.hint_at = self.due_at + GRACE

    def note(self, detail: bytes | None, now: datetime) -> None:
        """Keep what the step says of its progress, if it says anything."""
        if detail is not None:
            self.detail, self.detail_at = detail, now

    def put_back(self, status: StepStatus, due_at: datetime | None, now: datetime) -> None:
        """End the lease and keep the twin, due at ``due_at``; who shows the fence of before is refused."""
        self.fence += 1
        self.owner = None
        self.status = status
        self.due_at = due_at
        self.hint_at, self.hints = due_at or now, 0

    def leave_behind(self, status: StepStatus, now: datetime) -> None:
        """The hop is done with, for good or bad: its twin is gone."""
        self.status, self.completed_at = status, now
        self.owner = self.due_at = self.reason = None


class Rows:
    """All rows of one namespace. ``clock`` is its time; ``changes`` counts the writes that someone may wait for."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.changes = Changes()
        self.runs: dict[UUID, RunRow] = {}
        self.keys: dict[tuple[str, str], UUID] = {}
        self.hops: dict[UUID, dict[HopKey, HopRow]] = {}
        self.twins: dict[HopKey, HopRow] = {}
        self.queues: dict[str, dict[HopKey, HopRow]] = {}
        """The twins by topic, so that nobody has to look through those of others."""
        self.plans: dict[str, Plan] = {}
        self.cards: dict[str, ActivityCard] = {}
        self.workers: dict[str, tuple[WorkerCard, datetime]] = {}
        self.letters: dict[tuple[str, bytes], DeadLetter] = {}
        """The dead letters by topic and digest, each there once."""
        self._places = 0

    def next_place(self) -> int:
        """Return the place of a new run in the order of runs."""
        self._places += 1
        return self._places

    def hop(self, key: HopKey) -> HopRow | None:
        """Return the row of a hop."""
        return self.hops.get(key.workflow_id, {}).get(key)

    def pending(self) -> Iterator[tuple[RunRow, HopRow]]:
        """Yield the twins with their runs, which are all open."""
        return ((self.runs[key.workflow_id], hop) for key, hop in self.twins.items())

    def queued(self, topics: Collection[str]) -> Iterator[HopRow]:
        """Yield the twins of these topics."""
        return (hop for topic in set(topics) for hop in self.queues.get(topic, {}).values())

    def add(self, hop: HopRow) -> None:
        """Write a new hop, with its twin."""
        self.hops[hop.key.workflow_id][hop.key] = hop
        self.twins[hop.key] = hop
        self.queues.setdefault(hop.topic, {})[hop.key] = hop

    def leave(self, hop: HopRow, status: StepStatus) -> None:
        """The hop is done with, for good or bad: its twin is gone."""
        hop.leave_behind(status, self.clock())
        del self.twins[hop.key]
        del self.queues[hop.topic][hop.key]
        if status is StepStatus.COMPLETED:
            self.runs[hop.key.workflow_id].done.add(hop.deed)

    def move(self, run: RunRow, status: RunStatus, reason: str | None = None) -> None:
        """Change a run's status. A final one leaves no twin behind, and no lease on one."""
        run.status, run.reason = status, reason
        if not status.final:
            run.completed_at = None
            return
        run.completed_at = self.clock()
        for hop in self.hops[run.workflow_id].values():
            if hop.pending:
                hop.fence += 1
                self.leave(hop, StepStatus.CANCELLED)
