"""Child runs: a parent's changes of them, and the effect of their end on the waiting node.

A child begins, turns round and goes on in the commit of its node, under the lock of the parent's run. Its own end does
not take that lock: it locks the node's hop, and makes it due. A commit of a waiting node locks the same hop before it
checks whether the child has ended. So one of the two sees the other, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from paigeant.errors import WrongState
from paigeant.model.hold import WaitState
from paigeant.model.hops import Commit, RunStart
from paigeant.model.outcomes import Fault
from paigeant.model.runs import RESUMABLE, CancelRequest, RunError, RunStatus, StepStatus
from paigeant.protocol import leases
from paigeant.protocol.fan.joins import cancel_on, closes_on
from paigeant.protocol.states import HopState, RunState


class ChildRun(RunState, Protocol):
    """A run with its parent, None if it is not a child run."""

    @property
    def parent_id(self) -> UUID | None: ...  # noqa: D102


def may_begin(run: RunState, path: str) -> bool:
    """True if a node on this path may begin a child run: not if it is to end, since nobody would end the child."""
    return cancel_on(run, path) is None


def closes_node(run: RunState, commit: Commit, direction: str) -> bool:
    """True if the committed hop is to end: its branch is, or no child run may begin at it any more."""
    path = commit.held.key.path
    return closes_on(run, path, direction) or (isinstance(commit.child, RunStart) and not may_begin(run, path))


# -- the end of a child


class Told(NamedTuple):
    """Columns that a child's end writes to the waiting hop: it is due now, without a hold."""

    status: StepStatus
    due_at: datetime
    hint_at: datetime
    hints: int
    reason: None


def may_tell(hop: HopState) -> bool:
    """True if a hop waits for a child run and its end makes it due: a holder checks again at its commit."""
    return leases.is_open(hop) and hop.owner is None and hop.wait == WaitState.CHILD and leases.waits_for_others(hop)


def tell(now: datetime) -> Told:
    """Return the columns that make a node due whose child run has ended."""
    return Told(StepStatus.PENDING, now, now, 0, None)


# -- compensation


class Turned(NamedTuple):
    """Columns of a completed child run that turns round: it is open again, and reports to another hop."""

    status: str
    completed_at: None
    error: RunError
    reports_to: int
    cancel_requested: None
    deadline: None
    closes_at: None
    closing: None


def turn(fault: Fault, reports_to: int, *, is_open: str) -> Turned:
    """Return the columns that turn a child run round; ``is_open`` is the status of a run that has not ended."""
    error = RunError(type=fault.type, message=fault.message)
    return Turned(is_open, None, error, reports_to, None, None, None, None)


# -- operations of people


def request_of(run: RunState) -> CancelRequest:
    """Return the cancel request for child runs of a branch or run that is to end: as that of the run itself."""
    return CancelRequest.BRANCH if run.cancel_requested is None else CancelRequest(run.cancel_requested)


def require_own(run: ChildRun, status: RunStatus) -> None:
    """Return if a run may be retried by itself; raises WrongState for an ended child run: retry its parent."""
    if run.parent_id is not None and status.final and status in RESUMABLE:
        text = f"run {run.workflow_id} is {status}, and a child of run {run.parent_id}: retry that one"
        raise WrongState(text)


def require_resumed(run: RunState, resumed: Sequence[object], waiting: Sequence[UUID]) -> None:
    """Return if something goes on; raises WrongState if a run only waits for children that cannot go on."""
    if not resumed and waiting:
        text = f"run {run.workflow_id} waits for its child {waiting[0]}, which does not wait for a person"
        raise WrongState(text)
