"""Children: what a parent does to them, and what their end does to the node that waits for it.

A child begins, turns round and goes on in the commit of its node, under the lock of the parent's run. Its own end does
not lock that: it locks the node's hop, and makes it due. Who commits a node that waits has locked the same hop before
he looks whether the child has ended. So one of the two sees the other, whoever comes first.
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
    """A run with the one in which it has begun, None if it is no child."""

    @property
    def parent_id(self) -> UUID | None: ...  # noqa: D102


def may_begin(run: RunState, path: str) -> bool:
    """Tell whether a node on this path may begin a child: not if it is to end, for then nobody would end the child."""
    return cancel_on(run, path) is None


def closes_node(run: RunState, commit: Commit, direction: str) -> bool:
    """Tell whether the hop that a commit holds is to end: its branch is, or no child may begin at it any more."""
    path = commit.held.key.path
    return closes_on(run, path, direction) or (isinstance(commit.child, RunStart) and not may_begin(run, path))


# -- the end of a child


class Told(NamedTuple):
    """What the end of a child writes to the hop that waits for it: it is due now, and nothing holds it any more."""

    status: StepStatus
    due_at: datetime
    hint_at: datetime
    hints: int
    reason: None


def may_tell(hop: HopState) -> bool:
    """Tell whether a hop waits for a child and is made due by its end: who holds it looks again when he commits."""
    return leases.is_open(hop) and hop.owner is None and hop.wait == WaitState.CHILD and leases.waits_for_others(hop)


def tell(now: datetime) -> Told:
    """Return what makes a node due whose child has ended."""
    return Told(StepStatus.PENDING, now, now, 0, None)


# -- the way back


class Turned(NamedTuple):
    """What turning round writes to a child that had completed: it is open again, and reports to another hop."""

    status: str
    completed_at: None
    error: RunError
    reports_to: int
    cancel_requested: None
    deadline: None
    closes_at: None
    closing: None


def turn(fault: Fault, reports_to: int, *, is_open: str) -> Turned:
    """Return what turns a child round; ``is_open`` is the status of a run that has not ended."""
    error = RunError(type=fault.type, message=fault.message)
    return Turned(is_open, None, error, reports_to, None, None, None, None)


# -- what people do


def request_of(run: RunState) -> CancelRequest:
    """Return what is asked of the children of a branch that is to end, or of a run that is: as of the run itself."""
    return CancelRequest.BRANCH if run.cancel_requested is None else CancelRequest(run.cancel_requested)


def require_own(run: ChildRun, status: RunStatus) -> None:
    """Return if a run may be retried by itself; raises WrongState for a child that has ended: its parent goes on."""
    if run.parent_id is not None and status.final and status in RESUMABLE:
        text = f"run {run.workflow_id} is {status}, and a child of run {run.parent_id}: retry that one"
        raise WrongState(text)


def require_resumed(run: RunState, resumed: Sequence[object], waiting: Sequence[UUID]) -> None:
    """Return if something goes on; raises WrongState if a run only waits for children, of which none can go on."""
    if not resumed and waiting:
        text = f"run {run.workflow_id} waits for its child {waiting[0]}, which does not wait for a person"
        raise WrongState(text)
