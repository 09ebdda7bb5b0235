"""What there is: a run with hops by path, its join, signals and child; workers' hands; and faults still to come."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import Final, NamedTuple
from uuid import UUID

from paigeant.model.entries.fan import OnFault
from paigeant.model.fan.joins import BranchEnd, JoinState
from paigeant.model.runs import CancelRequest, Direction, RunStatus, StepStatus
from tests.model.protocol.nouns import LEASE, NOW, PENDING, Due

GO: Final = "go"
"""The name of all signals."""

IDS: Final = (UUID(int=1), UUID(int=2))
"""Of the parent, and of its child."""


class Key(NamedTuple):
    """Where a hop is."""

    run: int
    path: str
    position: int


class Hop(NamedTuple):
    """A hop, with the columns that the real decisions read."""

    key: Key
    kind: str = "step"
    back: bool = False
    undoes: int = 0
    status: StepStatus = StepStatus.PENDING
    due: Due = Due.NOW
    owner: str | None = None
    fence: int = 0
    attempt: int = 0
    interruptions: int = 0
    committed_by: int = 0
    awaits: str | None = None
    wait: str | None = None
    reason: str | None = None
    closes: bool | None = None
    leases: int = 0
    """Ghost: how often it was leased."""
    met: int = 0
    """Ghost: how many signals it has met."""

    @property
    def path(self) -> str:
        return self.key.path

    @property
    def position(self) -> int:
        return self.key.position

    @property
    def pending(self) -> bool:
        return self.status in PENDING

    @property
    def due_at(self) -> datetime | None:
        return {Due.NOW: NOW, Due.LATER: NOW + LEASE, Due.RESUMED: None}[self.due]

    @property
    def completed_at(self) -> datetime | None:
        return None if self.pending else NOW

    @property
    def direction(self) -> Direction:
        return Direction.COMPENSATE if self.back else Direction.EXECUTE

    @property
    def input(self) -> None:
        """What it was given decides nothing here."""

    @property
    def errors(self) -> None:
        """Neither do the errors of its attempts."""


class Signal(NamedTuple):
    """A signal, in the order in which they came, and the position of the wait that it has met."""

    number: int
    id: int
    position: int | None = None
    name: str = GO


class Branch(NamedTuple):
    """A branch of the node: how it has ended, and how many of its steps can be undone."""

    end: BranchEnd | None = None
    undoable: int = 0


class Run(NamedTuple):
    """A run; the parent has the join of its node, and of the hop that undoes it, by their positions."""

    number: int
    hops: tuple[Hop, ...]
    status: RunStatus = RunStatus.RUNNING
    cancel_requested: CancelRequest | None = None
    closing: tuple[str, ...] | None = None
    joins: tuple[tuple[int, JoinState], ...] = ()
    branches: tuple[Branch, ...] = ()
    signals: tuple[Signal, ...] = ()
    ends: int = 0
    """Ghost: how often it has ended."""

    @property
    def workflow_id(self) -> UUID:
        return IDS[self.number]

    @property
    def completed_at(self) -> datetime | None:
        return NOW if self.status.final else None

    @property
    def deadline(self) -> None:
        """Nothing is late here."""

    @property
    def join(self) -> dict[int, JoinState]:
        return dict(self.joins)

    def hop(self, key: Key) -> Hop:
        return next(hop for hop in self.hops if hop.key == key)


class Stage(IntEnum):
    """Where a hop stands in the hand of a worker."""

    IDLE = 0
    LEASED = 1
    DECIDED = 2
    """It has read what it needs, and knows what it came to."""
    JUDGED = 3
    """Only without the lock: what it counts by was read, and is not written yet."""


class Hand(NamedTuple):
    """What a worker holds: a lease, and what the hop came to."""

    stage: Stage = Stage.IDLE
    key: Key | None = None
    fence: int = 0
    lease: int = 0
    cancel: CancelRequest | None = None
    outcome: str = ""
    read: JoinState | None = None
    """Only without the lock: the join as it was when it was read."""


EMPTY: Final = Hand()


class Faults(NamedTuple):
    """What may still happen that does not have to, and how often."""

    crash: int = 0
    slow: int = 0
    silence: int = 0
    error: int = 0
    cancel: int = 0
    terminate: int = 0
    signal: int = 0
    again: int = 0


class World(NamedTuple):
    """All there is at one moment."""

    runs: tuple[Run, ...]
    hands: tuple[Hand, ...]
    left: Faults
    sending: tuple[int, int | None] | None = None
    """Only without the lock: a signal for which the store has looked what waits, and not written it yet."""


class Setting(NamedTuple):
    """A trunk of one node and a step, and the faults that may come. Each branch has so many steps."""

    node: str = "fan"
    branches: int = 2
    window: int = 1
    needed: int = 2
    on_fault: OnFault = OnFault.CANCEL
    steps: int = 1
    undoable: bool = False
    workers: int = 2
    faults: Faults = Faults()
    without: frozenset[str] = frozenset()

    def start(self) -> World:
        """Return the world in which the run has just been dispatched."""
        first = Hop(Key(0, "", 1), self.node)
        return World((Run(0, (first,)),), (EMPTY,) * self.workers, self.faults)
