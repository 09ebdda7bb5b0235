"""Row of a run in memory, with all data that belong to the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias
from uuid import UUID

from paigeant.model.custody.records import StoredRecord
from paigeant.model.message import HopKey
from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import CancelRequest, Direction, RunError, RunStatus
from paigeant.model.secrecy.grants import SealedGrant
from paigeant.model.values.values import Blob, Value
from paigeant.protocol.variables import Written
from paigeant.protocol.views import open_reason, open_status, open_until
from paigeant.stores.memory.kept import Checkpoints, Histories, SignalRow
from paigeant.stores.memory.tables.hops import HopRow
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
    parent: HopKey | None = None
    reports_to: int | None = None
    undo: tuple[Compensation, ...] = ()
    twins: dict[HopKey, HopRow] = field(default_factory=dict[HopKey, "HopRow"])
    """Its open hops."""
    variables: dict[Place, dict[str, Value]] = field(default_factory=dict[Place, dict[str, Value]])
    """Set variables, by path and position; outputs are in the rows of their hops."""
    values: dict[str, bytes] = field(default_factory=dict[str, bytes])
    plans: set[str] = field(default_factory=set[str])
    """Digests of the plans that it refers to."""
    done: set[tuple[UUID, Direction]] = field(default_factory=set[tuple[UUID, Direction]])
    """A step is completed, and undone, at most once, whatever the positions."""
    signals: dict[str, SignalRow] = field(default_factory=dict[str, SignalRow])
    """Signals sent to it, by their ids."""
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    histories: Histories = field(default_factory=Histories)
    records: list[StoredRecord] = field(default_factory=list[StoredRecord])
    """Signed records, in the order of writing."""
    joins: dict[HopKey, JoinRow] = field(default_factory=dict[HopKey, JoinRow])
    closing: tuple[str, ...] | None = None
    grant: tuple[SealedGrant, datetime] | None = None

    @property
    def parent_id(self) -> UUID | None:
        """Parent of a child run."""
        return self.parent and self.parent.workflow_id

    @property
    def parent_path(self) -> str | None:
        """Path of its node in the parent."""
        return self.parent and self.parent.path

    @property
    def parent_position(self) -> int | None:
        """Position of its node on that path."""
        return self.parent and self.parent.position

    @property
    def status(self) -> RunStatus:
        """Final status; while it is open, the status that follows from its open hops."""
        return open_status(self.twins.values(), self.started_at) if self.ended is None else self.ended

    @property
    def reason(self) -> str | None:
        """Wait reason."""
        return open_reason(self.twins.values()) if self.ended is None else None

    @property
    def due_at(self) -> datetime | None:
        """Time until which it waits at most."""
        return open_until(self.twins.values()) if self.ended is None else None

    def set(self, place: Place, variables: Mapping[str, Value]) -> None:
        """Set variables at this place."""
        self.variables.setdefault(place, {}).update(variables)

    def stated(self) -> Iterator[Written]:
        """Yield all set variables."""
        for (path, position), variables in self.variables.items():
            for name, value in variables.items():
                yield Written(name, path, position, stated=True, value=value)

    def change(self, change: NamedTuple) -> None:
        """Write a change, whose fields are the columns that it sets."""
        for name, value in zip(change._fields, change, strict=True):
            setattr(self, name, value)

    def keep(self, blobs: tuple[Blob, ...]) -> None:
        """Store the bytes behind references."""
        self.values.update((blob.sha256, blob.json) for blob in blobs)
