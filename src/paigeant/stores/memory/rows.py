"""What the memory store keeps: the rows of runs, hops and workers, by their keys."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from paigeant.aio.changes import Changes
from paigeant.model.custody.records import StoredRecord
from paigeant.model.hold import WaitState
from paigeant.model.hops import Sealed, Twin
from paigeant.model.message import HopKey
from paigeant.model.plan import ActivityCard, Plan, WorkerCard
from paigeant.model.revision import Revision
from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import AttemptError, CancelRequest, Direction, RunError, RunStatus, StepStatus
from paigeant.model.stored.dead_letters import DeadLetter
from paigeant.model.transition import PassedEntry
from paigeant.model.values.values import Blob, Value
from paigeant.protocol import holds, operate
from paigeant.protocol.variables import Written, outputs, seen
from paigeant.protocol.views import open_reason, open_status, open_until
from paigeant.stores.memory.clock import Clock
from paigeant.stores.memory.kept import Calls, Checkpoints, Histories, SignalRow
from paigeant.stores.memory.tables.joins import JoinRow

Place: TypeAlias = tuple[str, int]
"""A path, and a position on it."""


@dataclass(slots=True)
class RunRow:
    """One run; ``number`` is the order in which runs were recorded."""

    workflow_id: UUID
    workflow: str
    trace_id: str
    input: Value
    input_sha256: str
    created_at: datetime
    number: int
    dispatch_key: str | None = None
    tenant: str | None = None
    correlation_id: str | None = None
    deadline: datetime | None = None
    closes_at: datetime | None = None
    ended: RunStatus | None = None
    cancel_requested: CancelRequest | None = None
    edited: bool = False
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: RunError | None = None
    output: Value | None = None
    forked_from: UUID | None = None
    forked_at: int | None = None
    twins: dict[HopKey, HopRow] = field(default_factory=dict[HopKey, "HopRow"])
    """Its open hops."""
    variables: dict[Place, dict[str, Value]] = field(default_factory=dict[Place, dict[str, Value]])
    """What was set, by the path and position at which it was; outputs are in the rows of their hops."""
    values: dict[str, bytes] = field(default_factory=dict[str, bytes])
    plans: set[str] = field(default_factory=set[str])
    """The digests of the plans that it refers to."""
    done: set[tuple[UUID, Direction]] = field(default_factory=set[tuple[UUID, Direction]])
    """A step is completed, and undone, at most once, whatever the positions."""
    signals: dict[str, SignalRow] = field(default_factory=dict[str, SignalRow])
    """Those that were sent to it, by their ids."""
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    histories: Histories = field(default_factory=Histories)
    records: list[StoredRecord] = field(default_factory=list[StoredRecord])
    """What is signed of it, in the order in which it was written."""
    joins: dict[HopKey, JoinRow] = field(default_factory=dict[HopKey, JoinRow])
    closing: tuple[str, ...] | None = None

    @property
    def status(self) -> RunStatus:
        """How it ended; while it is open, what follows from its open hops."""
        return open_status(self.twins.values(), self.started_at) if self.ended is None else self.ended

    @property
    def reason(self) -> str | None:
        """What it waits for."""
        return open_reason(self.twins.values()) if self.ended is None else None

    @property
    def due_at(self) -> datetime | None:
        """Until when it waits at most."""
        return open_until(self.twins.values()) if self.ended is None else None

    def set(self, place: Place, variables: Mapping[str, Value]) -> None:
        """Set variables at this place."""
        self.variables.setdefault(place, {}).update(variables)

    def stated(self) -> Iterator[Written]:
        """Yield all variables that were set."""
        for (path, position), variables in self.variables.items():
            for name, value in variables.items():
                yield Written(name, path, position, stated=True, value=value)

    def change(self, change: NamedTuple) -> None:
        """Write a change, whose fields are the columns that it sets."""
        for name, value in zip(change._fields, change, strict=True):
            setattr(self, name, value)

    def keep(self, blobs: tuple[Blob, ...]) -> None:
        """Keep the bytes behind references."""
        self.values.update((blob.sha256, blob.json) for blob in blobs)


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
        """Return the row of an entry that the journey passes."""
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
        """What is done here: this step, or its undoing."""
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
        """Keep what the step says of its progress, if it says anything."""
        if detail is not None:
            self.detail, self.said_at = detail, now


class Rows:
    """All rows of one namespace. ``clock`` is its time; ``changes`` counts the writes that someone may wait for."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.changes: Changes = Changes()
        self.runs: dict[UUID, RunRow] = {}
        self.keys: dict[tuple[str, str], UUID] = {}
        self.hops: dict[UUID, dict[HopKey, HopRow]] = {}
        self.twins: dict[HopKey, HopRow] = {}
        self.queues: dict[str, dict[HopKey, HopRow]] = {}
        """The twins by topic, so that nobody has to look through those of others."""
        self.plans: dict[str, Plan] = {}
        self.plan_texts: dict[str, bytes] = {}
        """The plans that runs refer to, by digest."""
        self.cards: dict[str, ActivityCard] = {}
        self.workers: dict[str, tuple[WorkerCard, datetime]] = {}
        self.letters: dict[tuple[str, bytes], DeadLetter] = {}
        """The dead letters by topic and digest, each there once."""
        self.tokens: dict[str, Any] = {}
        self.deeds: list[Any] = []
        self.calls: Calls = Calls()
        self._numbers = 0

    def next_number(self) -> int:
        """Return the number of a new run in the order of runs."""
        self._numbers += 1
        return self._numbers

    def keep_plans(self, run: RunRow, plans: Iterable[Blob]) -> None:
        """Keep the plans that a run refers to, each text once."""
        for plan in plans:
            self.plan_texts.setdefault(plan.sha256, plan.json)
            run.plans.add(plan.sha256)

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
        self.twins[hop.key] = self.runs[hop.key.workflow_id].twins[hop.key] = hop
        self.queues.setdefault(hop.step, {})[hop.key] = hop

    def note_passed(self, before: HopKey, passed: Sequence[PassedEntry]) -> None:
        """Write the entries that the journey passes on the path of this hop: they are behind at once."""
        for each in passed:
            key = before._replace(position=each.position)
            self.hops[key.workflow_id][key] = HopRow.behind(key, each, self.clock())

    def of_run(self, run: RunRow) -> list[HopRow]:
        """Return all hops of a run, in the order of their positions."""
        return sorted(self.hops[run.workflow_id].values(), key=lambda hop: (hop.key.position, hop.key.path))

    def seen(self, run: RunRow, path: str = "") -> dict[str, Value]:
        """Return the variables of a run that are seen on a path."""
        return seen([*outputs(self.hops[run.workflow_id].values()), *run.stated()], path)

    def leave(self, hop: HopRow, change: holds.LeftBehind) -> None:
        """Write what leaves a hop behind, for good or bad: its twin is gone."""
        self.abandon(hop, change)
        if hop.status is StepStatus.COMPLETED:
            self.runs[hop.key.workflow_id].done.add(hop.deed)

    def abandon(self, hop: HopRow, change: NamedTuple) -> None:
        """Write what ends a hop that nobody has leased."""
        hop.change(change)
        self._forget_twin(hop)

    def _forget_twin(self, hop: HopRow) -> None:
        del self.twins[hop.key], self.runs[hop.key.workflow_id].twins[hop.key]
        del self.queues[hop.step][hop.key]

    def end(self, run: RunRow, status: RunStatus) -> None:
        """End a run: no twin is left behind, and no lease on one."""
        run.ended, run.completed_at = status, self.clock()
        for hop in list(run.twins.values()):
            self.abandon(hop, operate.abandon(hop, self.clock()))
