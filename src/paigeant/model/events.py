"""Events of workers, dispatchers, stores and transports, as hooks receive them.

They are classes, so that no name and no field can drift. ``worker`` is the id of a worker process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from paigeant.model.checks.findings import Finding
from paigeant.model.hops import Grant, Leased, Verdict
from paigeant.model.message import Headers
from paigeant.model.runs import RunStatus
from paigeant.model.spending.charges import Charge
from paigeant.model.stored.dead_letters import RejectedMessage
from paigeant.model.traffic.events import (
    BatchCommitted,
    ConnectionLost,
    ConnectionRestored,
    Delivered,
    Published,
    QueueRebuilt,
    Received,
    Sent,
)
from paigeant.model.transition import Transition
from paigeant.model.values.objects import quickly_made


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """A worker serves its topics from now on; ``workflows`` are the names that it has published."""

    worker: str
    topics: tuple[str, ...]
    concurrency: int
    workflows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerDraining:
    """A worker was asked to end: it leases nothing more, and its ``running`` steps finish."""

    worker: str
    running: int


@dataclass(frozen=True, slots=True)
class WorkerStopped:
    """A worker has stopped; ``released`` steps were returned unfinished, for other workers."""

    worker: str
    released: int


@dataclass(frozen=True, slots=True)
class RunDispatched:
    """A run was recorded; not ``fresh`` if its dispatch key had a run already, which goes on."""

    workflow: str
    workflow_id: UUID
    trace_id: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run became final in a commit of this worker, or was terminated from this process.

    ``headers`` are those of its last message, if it can be opened here.

    ``seconds`` is the duration of the run, from its dispatch (the time in its id) to this commit, None if unknown.
    """

    worker: str
    workflow_id: UUID
    status: RunStatus
    headers: Headers | None
    seconds: float | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """A worker leased a step. ``grant.waited`` is the number of seconds for which it had been due."""

    worker: str
    grant: Grant


@quickly_made
@dataclass(frozen=True, slots=True)
class StepBegan:
    """A worker begins to execute a step that it has leased."""

    worker: str
    leased: Leased


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """A lease was refused or could not be renewed: its step is cancelled here and commits nothing."""

    worker: str
    leased: Leased
    reason: str


@dataclass(frozen=True, slots=True)
class StepReleased:
    """A step was returned unfinished when its worker stopped; the attempt does not count."""

    worker: str
    leased: Leased


@quickly_made
@dataclass(frozen=True, slots=True)
class StepEnded:
    """One execution of a step ended and its commit was answered; ``seconds`` is its duration, by a monotonic clock.

    ``error`` is the exception that its code raised, with the traceback, if any.
    """

    worker: str
    leased: Leased
    transition: Transition
    verdict: Verdict
    seconds: float
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """Hops that finished together were written in one transaction, which took ``seconds``."""

    worker: str
    hops: int
    seconds: float


@dataclass(frozen=True, slots=True)
class HeartbeatLate:
    """A worker got no answer from the store for its leases in time: it drops this step before others may lease it."""

    worker: str
    leased: Leased


@dataclass(frozen=True, slots=True)
class Swept:
    """The sweeper did ``chore`` (announced, reclaimed, stranded, closed) for ``count`` hops or runs."""

    worker: str
    chore: str
    count: int


@dataclass(frozen=True, slots=True)
class MessageHeld:
    """A leased message did not open, or differs from its row: its run waits, for this ``reason``, for a person."""

    worker: str
    grant: Grant
    reason: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class CallsRecorded:
    """Calls within steps were executed and recorded, this many with a result, together with their charges."""

    executed: int
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class CallReplayed:
    """A call within a step was not made again: its recorded result was returned."""


@dataclass(frozen=True, slots=True)
class CallMade:
    """A call within a step was executed, in ``seconds``, and recorded: reported where the step's code runs.

    ``title`` is the name of the call shown to people.
    """

    leased: Leased
    kind: str
    title: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """An operation failed and is tried again; ``doing`` describes it. Without a ``worker`` it belongs to a part."""

    worker: str | None
    doing: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class Noticed:
    """A starting worker has found something about its store or transport that should be fixed."""

    worker: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message arrived that can be neither executed nor ignored: it was stored with the dead letters."""

    worker: str
    rejected: RejectedMessage


ExecutionEnd: TypeAlias = StepEnded | StepReleased | LeaseLost
"""Events that end one execution of a step."""

Event: TypeAlias = (
    WorkerStarted
    | WorkerDraining
    | WorkerStopped
    | RunDispatched
    | RunEnded
    | LeaseGranted
    | StepBegan
    | ExecutionEnd
    | Committed
    | HeartbeatLate
    | Swept
    | MessageHeld
    | CallsRecorded
    | CallReplayed
    | CallMade
    | Received
    | Sent
    | Published
    | Delivered
    | BatchCommitted
    | ConnectionLost
    | ConnectionRestored
    | QueueRebuilt
    | Trouble
    | Noticed
    | SetAside
)

__all__ = [
    "BatchCommitted",
    "CallMade",
    "CallReplayed",
    "CallsRecorded",
    "Committed",
    "ConnectionLost",
    "ConnectionRestored",
    "Delivered",
    "Event",
    "ExecutionEnd",
    "HeartbeatLate",
    "LeaseGranted",
    "LeaseLost",
    "MessageHeld",
    "Noticed",
    "Published",
    "QueueRebuilt",
    "Received",
    "RunDispatched",
    "RunEnded",
    "Sent",
    "SetAside",
    "StepBegan",
    "StepEnded",
    "StepReleased",
    "Swept",
    "Trouble",
    "WorkerDraining",
    "WorkerStarted",
    "WorkerStopped",
]
