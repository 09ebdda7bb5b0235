"""A run as it is seen: its status, its steps, its errors. The shapes of ``show --json`` and ``runs --json``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypedDict
from uuid import UUID

from pydantic import BaseModel, JsonValue

from paigeant.model.outcomes import AttemptError, BranchCounts
from paigeant.model.people.approvals import Approval
from paigeant.model.revision import Revision
from paigeant.model.spending.costs import CallCounts, Usage


class RunStatus(StrEnum):
    """Where a run stands. A final one was written with the run's last hop; the others follow from its open hops."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    COMPENSATED = "compensated"
    COMPENSATION_FAILED = "compensation_failed"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"
    UNREADABLE = "unreadable"
    """It has ended, and its row does not say how any more: somebody has edited it."""

    @property
    def final(self) -> bool:
        """Nothing more is committed to a run with a final status."""
        return self not in OPEN


RESUMABLE: Final = frozenset({RunStatus.FAILED, RunStatus.COMPENSATION_FAILED, RunStatus.WAITING})
"""Where a run stands that can be sent on its way again."""

OPEN: Final = frozenset({RunStatus.PENDING, RunStatus.RUNNING, RunStatus.WAITING})
FINAL: Final = frozenset(RunStatus) - OPEN - {RunStatus.UNREADABLE}


class StepStatus(StrEnum):
    """Where a step stands."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    RETRYING = "retrying"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNREADABLE = "unreadable"
    """Its row does not say any more: somebody has edited it."""


class Direction(StrEnum):
    """Forward, or back."""

    EXECUTE = "execute"
    COMPENSATE = "compensate"
    UNREADABLE = "unreadable"
    """Its row does not say any more: somebody has edited it. No message says this."""


class WaitReason(StrEnum):
    """What a waiting run waits for."""

    PARKED = "parked"
    UNSERVED = "unserved"
    INTERRUPTED = "interrupted"
    CONTRACT = "contract"
    SLEEP = "sleep"
    SIGNAL = "signal"
    JOIN = "join"
    WINDOW = "window"
    CHILD = "child"
    TAMPERED = "tampered"
    """A hop is not what its row says, or what was signed."""
    UNSIGNED = "unsigned"
    """The run began unsigned, and signing is on: a person has to vouch for it."""
    REVOKED = "revoked"
    """The run rests on what was signed with a key that did not count any more."""
    EXPIRED = "expired"
    """The run is older than its dispatcher has allowed."""
    APPROVAL = "approval"
    """People are to approve or answer something."""
    REAUTHENTICATION = "reauthentication"
    PROVIDER = "provider"
    """The provider of a model has asked to be left alone for a while."""
    BUDGET = "budget"
    DIVERGED = "diverged"
    """A step asks for something else than it has recorded."""
    INTERNAL = "internal"
    """An error that is not the step's: of the engine, a hook, a codec or a plugin."""


def kind_of_reason(reason: str | None) -> str | None:
    """Return what kind of reason it is: one of ours, ``unreadable``, or ``parked`` for whatever a step has written."""
    if reason is None or reason in set(WaitReason):
        return reason
    return "unreadable" if reason.startswith("unreadable:") else WaitReason.PARKED.value


class CancelRequest(StrEnum):
    """That a run should end, and whether what it did is to be undone."""

    PLAIN = "plain"
    COMPENSATE = "compensate"
    BRANCH = "branch"
    """Not the run, but one of its branches is to end, and to be undone."""

    @classmethod
    def _missing_(cls, value: object) -> CancelRequest:
        """Read what is no request as a plain one: such a row must not keep a worker from the others of its query."""
        del value
        return cls.PLAIN


class RunError(BaseModel, frozen=True):
    """Why a run did not complete, and at which step."""

    type: str
    message: str
    step: str | None = None
    path: str = ""
    position: int | None = None


class StepView(BaseModel, frozen=True):
    """One hop of a run; positions count from 1. ``heartbeat_detail`` is the last that it said of its progress.

    ``input`` is what its arguments were bound to, by name: a value that rests in the store is shown as its claim check.
    ``signal`` is the name of the one that it waits for, until ``due_at`` if that is there. ``revision`` is what it
    changed of the way ahead. ``epoch`` is how often it was started afresh; ``usage``, ``calls`` and ``checkpoints``,
    which counts all that it has recorded, are of all its epochs.
    """

    path: str = ""
    position: int
    step: str
    direction: Direction
    status: StepStatus
    attempt: int
    idempotency_key: str
    input: dict[str, JsonValue] | None = None
    output: JsonValue = None
    errors: tuple[AttemptError, ...] = ()
    reason: str | None = None
    signal: str | None = None
    revision: Revision | None = None
    worker: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    due_at: datetime | None = None
    heartbeat_detail: JsonValue = None
    heartbeat_at: datetime | None = None
    epoch: int = 0
    usage: Usage | None = None
    calls: CallCounts | None = None
    checkpoints: int = 0


class NodeView(BaseModel, frozen=True):
    """One entry of a run that runs no activity: a switch, a wait, a sleep, …; ``name`` is what a person knows it by.

    It waits for the ``signal``, if that is there, and until ``due_at`` at most. ``case`` is the condition that a switch
    has chosen. A ``condition`` is one that could not be evaluated in its place. ``branches`` are there once the first
    have begun, ``child`` is the run that it has begun.
    """

    path: str = ""
    position: int
    direction: Direction
    kind: str
    name: str
    status: StepStatus
    reason: str | None = None
    due_at: datetime | None = None
    signal: str | None = None
    case: str | None = None
    branches: BranchCounts | None = None
    child: UUID | None = None
    errors: tuple[AttemptError, ...] = ()


class RunSummary(BaseModel, frozen=True):
    """One line of ``paigeant runs``; a run that waits does so until ``due_at`` at most, if that is there."""

    workflow_id: UUID
    workflow: str
    status: RunStatus
    reason: str | None = None
    due_at: datetime | None = None
    tenant: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: RunError | None = None


class ForkOrigin(BaseModel, frozen=True):
    """Of which run a run is a fork, and from which position on it is its own."""

    workflow_id: UUID
    position: int


class ParentView(BaseModel, frozen=True):
    """The run within which a run has begun, and at which node of it."""

    workflow_id: UUID
    path: str = ""
    position: int


class ChildView(BaseModel, frozen=True):
    """A run that a node of another has begun, the place of the node, and how it ended; None while it is open."""

    workflow_id: UUID
    workflow: str
    path: str = ""
    position: int
    ended: RunStatus | None = None


class RunView(RunSummary, frozen=True):
    """Everything about one run: what went in, came out, was set, and each hop in the order of its position.

    ``ahead`` are the steps that follow the newest one, if nothing comes between: of a run that ended, those that it did
    not reach. ``approvals`` are what its steps have asked of people. ``parent`` is there if it has begun within
    another, ``children`` are those that have begun within it, in their order. ``forks`` is how many runs were forked
    from it. So many steps and nodes are left out as ``steps_omitted`` says.
    """

    trace_id: str
    correlation_id: str | None = None
    dispatch_key: str | None = None
    deadline: datetime | None = None
    cancel_requested: CancelRequest | None = None
    input: JsonValue = None
    output: JsonValue = None
    variables: dict[str, JsonValue] = {}
    forked_from: ForkOrigin | None = None
    forks: int = 0
    parent: ParentView | None = None
    children: tuple[ChildView, ...] = ()
    steps: tuple[StepView, ...] = ()
    nodes: tuple[NodeView, ...] = ()
    steps_omitted: int = 0
    ahead: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()

    @property
    def journey(self) -> tuple[StepView | NodeView, ...]:
        """The steps and the nodes in the order of their positions, branches behind their node and by number."""
        hops: list[StepView | NodeView] = [*self.steps, *self.nodes]
        return tuple(sorted(hops, key=lambda hop: place_order(hop.path, hop.position)))


def place_order(path: str, position: int) -> tuple[int, ...]:
    """Return what the places of a run are sorted by: ``2``, then ``2.0:1``, ``2.0:2``, ``2.10:1`` and ``3``."""
    return (*(int(number) for number in re.findall("[0-9]+", path)), position)


PAGE: Final = 50
"""Runs of a page, unless another number is asked for."""


class RunsWanted(TypedDict, total=False):
    """What :meth:`paigeant.abc.RunReader.list_runs` is asked for; what is left out is as it says there."""

    status: RunStatus | None
    workflow: str | None
    since: timedelta | None
    limit: int
    after: str | None
    forks_of: UUID | None
    parent: UUID | None


class RunPage(BaseModel, frozen=True):
    """A page of runs, newest first; ``next`` continues it, None at the end."""

    runs: tuple[RunSummary, ...]
    next: str | None = None
