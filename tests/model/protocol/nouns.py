"""What there is: runs with their hops, workers with what they hold, messages at a broker, and faults still to come.

Everything is a value that can be compared and hashed. The words are the project's own. What is marked *ghost* is not
in the real system: it is there so that the promises can be checked without trusting what they are about.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final, NamedTuple
from uuid import UUID

from paigeant.model.entries.step import OnInterrupt
from paigeant.model.plan import Undo
from paigeant.model.runs import CancelRequest, Direction, RunStatus, StepStatus

NO_ONE: Final = -1
"""The worker of what none does."""

DEAD: Final = "dead"
"""Whoever held it is gone for good: the name of a worker process is never used again."""

NOW: Final = datetime(2030, 1, 1, tzinfo=UTC)
LEASE: Final = timedelta(seconds=15)
"""The only moment there is, and how long a lease is: what the real decisions are asked with."""


class Due(IntEnum):
    """When a twin may be leased. There is no clock: what is due later comes due at any moment."""

    NOW = 0
    LATER = 1
    """At the end of its lease, or of a retry's delay."""
    RESUMED = 2
    """When a person says so."""

    @classmethod
    def of(cls, due_at: datetime | None) -> Due:
        """Return what a real row with this time is in the model."""
        if due_at is None:
            return cls.RESUMED
        return cls.NOW if due_at <= NOW else cls.LATER


_DUE_AT: Final = {Due.NOW: NOW, Due.LATER: NOW + LEASE, Due.RESUMED: None}

PENDING: Final = frozenset({StepStatus.PENDING, StepStatus.RUNNING, StepStatus.WAITING, StepStatus.RETRYING})
"""The statuses of a hop that still has a twin."""


class Hop(NamedTuple):
    """One hop of a run, at the place of its position; its durable twin for as long as it is pending.

    It has the columns that the real decisions read (``paigeant.protocol.states``), so that they can be asked about it.
    """

    step: int
    position: int = 1
    back: bool = False
    undoes: int = 0
    """The position that this hop undoes, on the way back."""
    status: StepStatus = StepStatus.PENDING
    due: Due = Due.NOW
    owner: str | None = None
    fence: int = 0
    attempt: int = 0
    interruptions: int = 0
    committed_by: int = 0
    """The execution that was committed last. One lease makes one execution, so it is that lease's number."""
    undoable: bool = False
    awaits: str | None = None
    """The signal that it waits for."""
    wait: str | None = None
    hidden: bool = False
    """No twin was written for it: only its message tells of it. Never so unless the safeguard is taken away."""
    recorded: tuple[int, ...] = ()
    """Its calls that are recorded, in order. Ghost: each with the lease under which it was."""
    reserved: tuple[int, ...] = ()
    """The calls for which it has reserved room in its budget, which has room for each of its calls once."""
    spent: int = 0
    """What is spent of that: one for each call that was charged."""
    refused: bool = False
    """Ghost: a call has found no room."""
    leases: int = 0
    """Ghost: how often it has been leased."""
    met: int = 0
    """Ghost: how many signals it has met."""
    tries: int = 0
    """Ghost: how often its code has begun, those not counted that were released or waited."""
    loose: bool = False
    """Ghost: its code has begun, and nobody knows how far it came."""
    requested: bool = False
    """Ghost: when it was leased last, the run was already to be cancelled."""
    again: bool = False
    """Ghost: who has its lease has made a call that was recorded."""

    @property
    def pending(self) -> bool:
        return self.status in PENDING

    @property
    def due_at(self) -> datetime | None:
        return _DUE_AT[self.due]

    @property
    def completed_at(self) -> datetime | None:
        return None if self.pending else NOW

    @property
    def path(self) -> str:
        """All of it is the trunk."""
        return ""

    @property
    def direction(self) -> Direction:
        return Direction.COMPENSATE if self.back else Direction.EXECUTE

    @property
    def closes(self) -> None:
        """There are no branches here: see ``tests/model/joins``."""

    @property
    def input(self) -> None:
        """What it was given decides nothing."""

    @property
    def errors(self) -> None:
        """Nor do the errors of its attempts."""

    @property
    def reason(self) -> None:
        """Nor what is shown while it waits."""

    @property
    def epoch(self) -> None:
        """Nobody starts afresh here."""

    @property
    def accepted(self) -> None:
        """What code there is, all fits."""


class Signal(NamedTuple):
    """A signal of a run, in the order in which they came."""

    number: int
    id: int
    position: int | None = None
    """The hop that it has met."""

    @property
    def name(self) -> str:
        return GO


GO: Final = "go"
"""The name of all signals."""

_ID: Final = UUID(int=1)


class Run(NamedTuple):
    """One run. The hop at position p is ``hops[p - 1]``: positions have no gaps because nothing else can be said."""

    hops: tuple[Hop, ...] = (Hop(0),)
    status: RunStatus = RunStatus.PENDING
    cancel_requested: CancelRequest | None = None
    late: bool = False
    """It is past its deadline."""
    signals: tuple[Signal, ...] = ()

    @property
    def workflow_id(self) -> UUID:
        return _ID

    @property
    def completed_at(self) -> datetime | None:
        return NOW if self.status.final else None

    @property
    def deadline(self) -> datetime | None:
        return NOW if self.late else None

    @property
    def closes_at(self) -> datetime | None:
        return NOW if self.cancel_requested is not None else self.deadline

    @property
    def closing(self) -> None:
        """There are no branches here."""

    @property
    def error(self) -> None:
        """Why it failed decides nothing."""


class Grant(NamedTuple):
    """A lease as the store gave it."""

    run: int
    position: int
    lease: int
    """Ghost: the how-many-eth lease of its hop."""
    fence: int
    attempt: int
    interrupted: bool = False
    cancel_request: CancelRequest | None = None
    late: bool = False

    @property
    def has_begun(self) -> bool:
        return self.interrupted or self.attempt > 1


class Outcome(NamedTuple):
    """What a step came to."""

    name: str
    cancelled: bool = False
    compensate: bool = True
    doubt: bool = False
    """Cut short, so that nobody knows how far its code came."""


COMPLETED: Final = Outcome("completed")
RETRYING: Final = Outcome("retrying")
PARKED: Final = Outcome("parked")
AWAITS: Final = Outcome("waits for a signal")
AWAITS_A_WHILE: Final = Outcome("waits a while for a signal")
INTERRUPTED: Final = Outcome("parked, interrupted")
FAILED: Final = Outcome("failed")
CUT_OFF: Final = Outcome("failed, cut off", doubt=True)


class Commit(NamedTuple):
    """What a finished hop wants written. ``moves`` asks for the next twin to be handed over."""

    outcome: Outcome
    moves: bool = False


class Stage(IntEnum):
    """Where a step stands in the hand of a worker."""

    IDLE = 0
    LEASED = 1
    RUNNING = 2
    DECIDED = 3
    """Its commit was sent and no answer came; or, without the lock, what it was judged by may be old."""
    PUBLISHING = 4
    """Committed, and the next message is not sent yet; ``grant`` tells which."""


class Hand(NamedTuple):
    """One of the steps that a worker can hold at a time."""

    stage: Stage = Stage.IDLE
    grant: Grant | None = None
    cut: CancelRequest | None = None
    """A beat has reported the cancel_request that the run be cancelled."""
    commit: Commit | None = None
    judged: bool = False
    """Only without the lock: the store has found the commit good, and has not written it yet."""
    known: int = 0
    """How many calls were recorded when the step began."""
    calls: int = 0
    """How many of its calls are behind it, found or made."""
    made: bool = False
    """The next call is made, and not recorded yet."""


EMPTY: Final = Hand()


class Faults(NamedTuple):
    """What may still happen that does not have to, and how often."""

    crash: int = 0
    """A worker dies, with all that it holds."""
    slow: int = 0
    """A lease runs out though its worker lives, and goes on as a zombie."""
    silence: int = 0
    """The store does what it was asked, and the answer is lost."""
    loss: int = 0
    double: int = 0
    error: int = 0
    timeout: int = 0
    park: int = 0
    stop: int = 0
    """A worker is asked to stop, and gives up what it holds."""
    cancel: int = 0
    terminate: int = 0
    deadline: int = 0
    resume: int = 0
    wait: int = 0
    """A step waits for a signal."""
    signal: int = 0
    again: int = 0
    """A signal is sent once more, because its sender heard no answer."""


class Step(NamedTuple):
    """A step of the plan, with what governs it."""

    undo: Undo = Undo.NEVER
    on_interrupt: OnInterrupt = OnInterrupt.RERUN
    max_attempts: int = 2
    poison: bool = False
    """It is what makes workers crash; the others do not."""
    calls: int = 0
    """So many calls it records, one after the other."""


class Sending(NamedTuple):
    """Only without the lock on the run: a signal for which the store has looked what waits, and not written it yet."""

    run: int
    id: int
    position: int | None


class World(NamedTuple):
    """All there is at one moment."""

    runs: tuple[Run, ...]
    workers: tuple[tuple[Hand, ...], ...]
    broker: tuple[tuple[int, int], ...]
    """Messages on their way: run and position, in no order."""
    left: Faults
    sending: tuple[Sending, ...] = ()


class Setting(NamedTuple):
    """What a world starts from, and which of the protocol's safeguards are taken away."""

    plan: tuple[Step, ...] = (Step(), Step())
    faults: Faults = Faults()
    runs: int = 1
    hands: tuple[int, ...] = (1, 1)
    """How many steps each of the workers can hold at a time."""
    broker: bool = False
    """Twins are announced by messages; otherwise workers pick them from the store."""
    cancel_requests: tuple[CancelRequest, ...] = (CancelRequest.PLAIN, CancelRequest.COMPENSATE)
    without: frozenset[str] = frozenset()

    def start(self) -> World:
        """Return the world in which the runs have just been dispatched."""
        sent = tuple((run, 1) for run in range(self.runs)) if self.broker else ()
        return World((Run(),) * self.runs, tuple((EMPTY,) * hands for hands in self.hands), sent, self.faults)


class Action(NamedTuple):
    """What happened: enough to read it, and to do the same to a real store."""

    verb: str
    worker: int = NO_ONE
    hand: int = 0
    run: int = 0
    position: int = 0
    commit: Commit | None = None
    cancel_request: CancelRequest | None = None
    signal: int = 0
    lost: bool = False
    """The answer was lost."""

    def __str__(self) -> str:
        who = "" if self.worker == NO_ONE else f"worker {self.worker + 1} "
        hop = f" {'ABC'[self.run]}{self.position or ''}"
        commit = "" if self.commit is None else f": {self.commit.outcome.name}{', moves on' * self.commit.moves}"
        cancel_request = "" if self.cancel_request is None else f" ({self.cancel_request})"
        signal = f" with signal {self.signal}" if self.signal else ""
        return f"{who}{self.verb}{hop}{signal}{cancel_request}{commit}{' (answer lost)' * self.lost}"
