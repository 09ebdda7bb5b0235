"""What hooks get to see: classes, so that no name can drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from paigeant.model.dead_letters import RejectedMessage
from paigeant.model.findings import Finding
from paigeant.model.hops import Leased, Transition, Verdict


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """A worker serves its topics from now on."""

    worker: str
    topics: tuple[str, ...]
    concurrency: int


@dataclass(frozen=True, slots=True)
class WorkerStopped:
    """A worker has stopped; ``released`` steps went back unfinished, to be taken up by others."""

    worker: str
    released: int


@dataclass(frozen=True, slots=True)
class StepEnded:
    """One execution of a step was judged and offered to the store; ``seconds`` it took, by a monotonic clock."""

    worker: str
    leased: Leased
    transition: Transition
    verdict: Verdict
    seconds: float


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """A lease was refused or could not be renewed: its step is cancelled here and commits nothing."""

    worker: str
    leased: Leased
    reason: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something failed and is tried again; ``doing`` says what, in words."""

    worker: str
    doing: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class Noticed:
    """A worker that starts has found something about its store or transport that ought to be mended."""

    worker: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message came that can be neither executed nor passed over: it is with the dead letters."""

    worker: str
    rejected: RejectedMessage


Event: TypeAlias = WorkerStarted | WorkerStopped | StepEnded | LeaseLost | Trouble | Noticed | SetAside
