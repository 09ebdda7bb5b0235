"""Views of runs: status, steps, errors. These are the shapes of ``show --json`` and ``runs --json``."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import BaseModel, JsonValue

from paigeant.model.outcomes import AttemptError, BranchCounts
from paigeant.model.people.approvals import Approval
from paigeant.model.revision import Revision
from paigeant.model.spending.costs import CallCounts, Usage


class RunStatus(StrEnum):
    """Status of a run. A final one is written with the run's last hop; the others follow from its open hops."""

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
    """It has ended; its row was edited, and the final status cannot be read."""

    @property
    def final(self) -> bool:
        """True if nothing more can be committed to a run with this status."""
        return self not in OPEN


RESUMABLE: Final = frozenset({RunStatus.FAILED, RunStatus.COMPENSATION_FAILED, RunStatus.WAITING})
"""Statuses of runs that can be resumed."""

OPEN: Final = frozenset({RunStatus.PENDING, RunStatus.RUNNING, RunStatus.WAITING})
FINAL: Final = frozenset(RunStatus) - OPEN - {RunStatus.UNREADABLE}


class StepStatus(StrEnum):
    """Status of a step."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    RETRYING = "retrying"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNREADABLE = "unreadable"
    """Its row was edited, and cannot be read."""


OPEN_STEPS: Final = frozenset({StepStatus.PENDING, StepStatus.RUNNING, StepStatus.WAITING, StepStatus.RETRYING})
"""Statuses of steps that have not ended."""

ENDED_STEPS: Final = frozenset(StepStatus) - OPEN_STEPS - {StepStatus.UNREADABLE}

PASSED: Final = frozenset({StepStatus.COMPLETED, StepStatus.SKIPPED})
"""Statuses of steps after which a run goes on."""


class Direction(StrEnum):
    """Direction of a hop: execution or compensation."""

    EXECUTE = "execute"
    COMPENSATE = "compensate"
    UNREADABLE = "unreadable"
    """Its row was edited, and cannot be read. No message contains this."""


class WaitReason(StrEnum):
    """Reasons for which a run waits."""

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
    """The run depends on a signature by a key that was not valid any more."""
    EXPIRED = "expired"
    """The run is older than its dispatcher has allowed."""
    APPROVAL = "approval"
    """A person has to approve or answer something."""
    REAUTHENTICATION = "reauthentication"
    PROVIDER = "provider"
    """The provider of a model has refused requests for a while."""
    BUDGET = "budget"
    DIVERGED = "diverged"
    """A request of a step differs from the recorded one."""
    INTERNAL = "internal"
    """An error that is not the step's: of the engine, a hook, a codec or a plugin."""


DETAILED: Final = frozenset(
    {"unreadable", WaitReason.PROVIDER, WaitReason.BUDGET, WaitReason.DIVERGED, WaitReason.REAUTHENTICATION}
)
"""Reasons that a text follows after a colon, as ``budget: …``."""


def kind_of_reason(reason: str | None) -> str | None:
    """Return the kind of a reason: one of ours, without its text, or ``parked`` for a text of a step."""
    if reason is None or reason in set(WaitReason):
        return reason
    kind, colon, _ = reason.partition(": ")
    return str(kind) if colon and kind in DETAILED else WaitReason.PARKED.value


class CancelRequest(StrEnum):
    """Request that a run ends, with or without undoing its steps."""

    PLAIN = "plain"
    COMPENSATE = "compensate"
    BRANCH = "branch"
    """One branch, not the run, is to end and to be undone."""

    @classmethod
    def _missing_(cls, value: object) -> CancelRequest:
        """Read an unknown word as a plain request: one bad row must not make a whole query of a worker fail."""
        del value
        return cls.PLAIN


class RunError(BaseModel, frozen=True):
    """Reason why a run did not complete, and the step."""

    type: str
    message: str
    step: str | None = None
    path: str = ""
    position: int | None = None


class StepView(BaseModel, frozen=True):
    """One hop of a run; positions count from 1. ``heartbeat_detail`` is its last reported progress.

    ``input`` has the values of its arguments, by name: a value in the store is shown as its claim check. ``signal`` is
    the name of the signal it waits for, until ``due_at`` if present. ``revision`` is its change of the itinerary.
    ``epoch`` is the number of times it was started afresh; ``usage``, ``calls`` and ``checkpoints``, the number of all
    recordings, cover all its epochs.
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
    """One entry of a run that is not an activity: a switch, a wait, a sleep, …; ``name`` is shown to people.

    It waits for the ``signal``, if present, and until ``due_at`` at most. ``case`` is the condition that a switch
    chose. A ``condition`` is one that could not be evaluated in its place. ``branches`` are present once the first have
    begun, ``child`` is the run that it has begun.
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
    """One line of ``paigeant runs``; a waiting run waits until ``due_at`` at most, if present."""

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
    """Origin of a fork: the source run, and the position from which the fork is on its own."""

    workflow_id: UUID
    position: int


class ParentView(BaseModel, frozen=True):
    """Parent of a child run, and the node that began it."""

    workflow_id: UUID
    path: str = ""
    position: int


class ChildView(BaseModel, frozen=True):
    """Child run, the place of its node, and its final status; None while it is open."""

    workflow_id: UUID
    workflow: str
    path: str = ""
    position: int
    ended: RunStatus | None = None


class RunView(RunSummary, frozen=True):
    """Everything about one run: input, output, variables, and each hop in the order of its position.

    ``ahead`` are the steps that follow the newest one, if known: of an ended run, those that it did not reach.
    ``approvals`` are the questions of its steps. ``parent`` is present for a child run, ``children`` are its child
    runs, in order. ``forks`` is the number of its forks. ``steps_omitted`` is the number of steps and nodes that are
    left out.
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
        """Steps and nodes in the order of their positions, branches behind their node and by number."""
        hops: list[StepView | NodeView] = [*self.steps, *self.nodes]
        return tuple(sorted(hops, key=lambda hop: place_order(hop.path, hop.position)))


def place_order(path: str, position: int) -> tuple[int, ...]:
    """Return the sort key of a place: ``2``, then ``2.0:1``, ``2.0:2``, ``2.10:1`` and ``3``."""
    return (*(int(number) for number in re.findall("[0-9]+", path)), position)


PAGE: Final = 50
"""Default number of runs in a page."""


class RunPage(BaseModel, frozen=True):
    """Page of runs, newest first; ``next`` continues it, None at the end."""

    runs: tuple[RunSummary, ...]
    next: str | None = None
