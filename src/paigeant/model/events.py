"""Events: what happens in a worker, a dispatcher, a store or a transport, as hooks see it.

Classes, so that no name and no field can drift. ``worker`` is the id of a worker process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from paigeant.model.checks.findings import Finding
from paigeant.model.hops import Grant, Leased, Verdict
from paigeant.model.message import Headers
from paigeant.model.runs import RunStatus
from paigeant.model.stored.checkpoints import Charge
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
    """A worker serves its topics from now on; ``workflows`` are the names of those that it has published."""

    worker: str
    topics: tuple[str, ...]
    concurrency: int
    workflows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerDraining:
    """A worker was asked to end: it takes in nothing more, and ``running`` steps go on to their ends."""

    worker: str
    running: int


@dataclass(frozen=True, slots=True)
class WorkerStopped:
    """A worker has stopped; ``released`` steps went back unfinished, to be taken up by others."""

    worker: str
    released: int


@dataclass(frozen=True, slots=True)
class RunDispatched:
    """A run was recorded; not ``fresh`` if its dispatch key had one already, which goes on."""

    workflow: str
    workflow_id: UUID
    trace_id: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run became final in a commit of this worker, or was terminated from this process.

    ``headers`` are those of its last message, if that opens here.

    ``seconds`` is how long the run took, from its dispatch (the time in its id) to this commit, None if unknown.
    """

    worker: str
    workflow_id: UUID
    status: RunStatus
    headers: Headers | None
    seconds: float | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """A worker was given a step to execute. ``grant.waited`` tells for how many seconds it had been due."""

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
    """A step went back unfinished when its worker stopped; the attempt does not count."""

    worker: str
    leased: Leased


@quickly_made
@dataclass(frozen=True, slots=True)
class StepEnded:
    """One execution of a step was judged and offered to the store; ``seconds`` it took, by a monotonic clock.

    ``error`` is what its code raised, with the traceback, if it raised.
    """

    worker: str
    leased: Leased
    transition: Transition
    verdict: Verdict
    seconds: float
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """Hops that finished together were written in one transaction; ``seconds`` from asking the store to its answer."""

    worker: str
    hops: int
    seconds: float


@dataclass(frozen=True, slots=True)
class HeartbeatLate:
    """A worker got no answer from the store for its leases in time: it gives up this step before others may take it."""

    worker: str
    leased: Leased


@dataclass(frozen=True, slots=True)
class Swept:
    """The sweeper has done something: ``chore`` says what (announced, reclaimed, stranded, closed), to how many."""

    worker: str
    chore: str
    count: int


@dataclass(frozen=True, slots=True)
class MessageHeld:
    """A leased message did not open, or is not that of its row: its run waits, for this ``reason``, for a person."""

    worker: str
    grant: Grant
    reason: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class CallsRecorded:
    """Calls within steps were executed and recorded, so many with a result, together with what they were charged."""

    executed: int
    charges: tuple[Charge, ...]


@dataclass(frozen=True, slots=True)
class CallReplayed:
    """A call within a step was not made again: what was recorded of it was returned."""


@dataclass(frozen=True, slots=True)
class CallMade:
    """A call within a step was executed, in ``seconds``, and recorded: reported where the step's code runs.

    ``title`` is what a person knows it by.
    """

    leased: Leased
    kind: str
    title: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something failed and is tried again; ``doing`` says what, in words. Without a ``worker`` it is a part's own."""

    worker: str | None
    doing: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class Noticed:
    """A worker that starts has found something about its store or transport that should be fixed."""

    worker: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message came that can be neither executed nor passed over: it is with the dead letters."""

    worker: str
    rejected: RejectedMessage


ExecutionEnd: TypeAlias = StepEnded | StepReleased | LeaseLost
"""How one execution of a step may end."""

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
