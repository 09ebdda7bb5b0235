"""Operations of a person on a run: their preconditions, and the columns that they write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from paigeant.errors import UnknownRun, UnknownWorker, WrongState
from paigeant.model.hold import WaitState
from paigeant.model.runs import FINAL, RESUMABLE, CancelRequest, Direction, RunError, RunStatus, StepStatus
from paigeant.model.values.showing import shown
from paigeant.protocol import leases
from paigeant.protocol.states import HopState, PlacedHop, ResumableRun, RunState, WaitingHop


def unknown(workflow_id: UUID) -> UnknownRun:
    """Return the error for a run that this namespace does not have."""
    return UnknownRun(f"no run has the id {workflow_id}")


def unknown_worker(worker: str) -> UnknownWorker:
    """Return the error for a worker that is not alive in this namespace."""
    return UnknownWorker(f"no worker with the id {shown(worker)} is up; `paigeant workers` lists those that are")


def require_writable(run: RunState) -> None:
    """Return if the run may still change; raises WrongState if it has ended and cannot be resumed."""
    if run.status in FINAL - RESUMABLE:
        raise WrongState(f"run {run.workflow_id} is {run.status}: nothing is written to it any more")


def require_resumable(run: RunState) -> None:
    """Return if the run can be resumed; raises WrongState if not."""
    if run.status not in RESUMABLE:
        allowed = "only a failed, compensation_failed or waiting run is resumed"
        raise WrongState(f"run {run.workflow_id} is {run.status}; {allowed}")


# -- cancel


class Requested(NamedTuple):
    """Columns of a run after a cancel request: from now on anybody may close it."""

    cancel_requested: CancelRequest
    closes_at: datetime


class Hurried(NamedTuple):
    """Columns of a hop that nobody holds: it is due now."""

    due_at: datetime
    hint_at: datetime


class EndedEarly(NamedTuple):
    """Columns of a hop that is to end and that nobody holds: it is due now, and anybody may end it."""

    due_at: datetime
    hint_at: datetime
    closes: bool


def request_cancel(run: RunState, request: CancelRequest, now: datetime) -> Requested | None:
    """Return the columns of the request, None for a final run, which cannot be cancelled."""
    return None if run.status in FINAL else Requested(request, now)


def may_end_early(hop: WaitingHop) -> bool:
    """True if a hop that is to end is made due: nobody holds it, and it waits for no branches and no child run.

    The holder of a leased hop learns of the request at its next heartbeat or commit. Compensations are not cut short.
    """
    idle = leases.is_open(hop) and hop.owner is None and not leases.waits_for_others(hop)
    return idle and hop.direction == Direction.EXECUTE


def hurry(now: datetime) -> Hurried:
    """Return the columns that make a hop due now."""
    return Hurried(now, now)


def end_early(now: datetime) -> EndedEarly:
    """Return the columns that make a hop due now, for anybody to end it."""
    return EndedEarly(now, now, closes=True)


# -- terminate


class Ended(NamedTuple):
    """Columns of a run that is ended from outside."""

    status: RunStatus
    completed_at: datetime


class Abandoned(NamedTuple):
    """Columns of each hop that is open when its run ends: no present fence stays valid."""

    fence: int
    status: StepStatus
    owner: None
    due_at: None
    reason: None
    awaits: None
    completed_at: datetime


def terminate(run: RunState, now: datetime) -> Ended | None:
    """Return the columns that end the run, None if it is final already."""
    return None if run.status in FINAL else Ended(RunStatus.TERMINATED, now)


def abandon(hop: HopState, now: datetime) -> Abandoned:
    """Return the columns of an open hop at the end of its run."""
    return Abandoned(hop.fence + 1, StepStatus.CANCELLED, None, None, None, None, now)


# -- resume


H = TypeVar("H", bound=PlacedHop)


class Restart(NamedTuple):
    """Options of a restart: with any code, or without the earlier recordings."""

    accept_contract: bool = False
    afresh: bool = False


class Restarted(NamedTuple):
    """Columns of a resumed hop: due now, as if it had never been tried, and without its old leases.

    ``accepted``: from now on any code that serves it is accepted as fitting. Recordings of an earlier ``epoch`` are not
    found again.
    """

    fence: int
    attempt: int
    interruptions: int
    status: StepStatus
    owner: None
    due_at: datetime
    hint_at: datetime
    hints: int
    reason: None
    awaits: None
    wait: str | None
    completed_at: None
    interface: None
    accepted: bool | None
    epoch: int | None
    closes: None


class Resumed(NamedTuple):
    """Columns of a resumed run, which is open again: its status follows from its hops.

    After a failure no branch is to end any more (``closing``).
    """

    completed_at: None
    error: RunError | None
    cancel_requested: str | None
    deadline: datetime | None
    closes_at: datetime | None
    closing: Sequence[str] | None


def choose_resumed(hops: Sequence[H]) -> list[H]:
    """Return the hops that a resume restarts: those that wait, or the one that ended the run.

    The latter is the last failed hop of the trunk: if it is a node, its failed branches are reopened from there. A
    leased hop is left alone: a run may wait with a leased hop while its worker comes back. No wait of a node is cut
    short, and nothing begins for which a join has no room: raises WrongState if nothing else can be restarted.
    """
    waiting = [hop for hop in hops if leases.is_open(hop) and not leases.waits_for_others(hop)]
    going_on = [hop for hop in waiting if hop.wait == WaitState.OPEN]
    if going_on and len(going_on) == len(waiting):
        raise WrongState(_waits(going_on[0]))
    waiting = [hop for hop in waiting if hop not in going_on]
    failed = sorted((hop for hop in hops if may_be_resumed(hop)), key=lambda hop: hop.position)
    return [hop for hop in waiting or failed[-1:] if hop.owner is None]


def may_be_resumed(hop: PlacedHop) -> bool:
    """True if a hop may be the one that ended the run."""
    return hop.status == StepStatus.FAILED and not hop.path


def _waits(hop: PlacedHop) -> str:
    until = "" if hop.due_at is None else f" until {hop.due_at:%Y-%m-%dT%H:%M:%SZ}"
    return f"the run waits ({hop.reason}){until}: a retry does not cut that short"


def restart(hop: PlacedHop, now: datetime, how: Restart) -> Restarted:
    """Return the columns of a restarted hop."""
    pending, accepted = StepStatus.PENDING, how.accept_contract or hop.accepted
    wait = hop.wait if leases.is_open(hop) else None  # a failed one starts its wait again
    epoch = (hop.epoch or 0) + 1 if how.afresh else hop.epoch
    why = (None, None, wait, None, None, accepted, epoch, None)
    return Restarted(hop.fence + 1, 0, 0, pending, None, now, now, 0, *why)


def resume(run: ResumableRun, now: datetime) -> Resumed:
    """Return the columns of a resumed run; raises WrongState if it cannot be resumed.

    The error of a failed run is forgotten, and so are a request to cancel it and a deadline that has passed: the later
    command counts. During compensation the run keeps the error for which it turned round.
    """
    require_resumable(run)
    if run.status != RunStatus.FAILED:
        return Resumed(None, run.error, run.cancel_requested, run.deadline, run.closes_at, run.closing)
    deadline = run.deadline if run.deadline is not None and run.deadline > now else None
    return Resumed(None, None, None, deadline, deadline, None)
