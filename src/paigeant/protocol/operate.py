"""Operating on a run from outside: what a person may do to it, and what that writes."""

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
    """Return the error that says that this namespace has no such run."""
    return UnknownRun(f"no run has the id {workflow_id}")


def unknown_worker(worker: str) -> UnknownWorker:
    """Return the error that says that no such worker is up in this namespace."""
    return UnknownWorker(f"no worker with the id {shown(worker)} is up; `paigeant workers` lists those that are")


def require_writable(run: RunState) -> None:
    """Return if something may still be written to the run; raises WrongState if it is over for good."""
    if run.status in FINAL - RESUMABLE:
        raise WrongState(f"run {run.workflow_id} is {run.status}: nothing is written to it any more")


def require_resumable(run: RunState) -> None:
    """Return if the run can be sent on its way again; raises WrongState if not."""
    if run.status not in RESUMABLE:
        allowed = "only a failed, compensation_failed or waiting run is resumed"
        raise WrongState(f"run {run.workflow_id} is {run.status}; {allowed}")


# -- cancel


class Requested(NamedTuple):
    """What a request to cancel writes to the run: from now on anybody may close it."""

    cancel_requested: CancelRequest
    closes_at: datetime


class Hurried(NamedTuple):
    """What is written to a hop that nobody holds: it is due now."""

    due_at: datetime
    hint_at: datetime


class EndedEarly(NamedTuple):
    """What is written to a hop that is to end and that nobody holds: it is due now, and anybody may end it."""

    due_at: datetime
    hint_at: datetime
    closes: bool


def request_cancel(run: RunState, request: CancelRequest, now: datetime) -> Requested | None:
    """Return what the request writes, None for a run that is final: there is nothing left to cancel."""
    return None if run.status in FINAL else Requested(request, now)


def may_end_early(hop: WaitingHop) -> bool:
    """Tell whether a hop that is to end is made due: nobody holds it, and it waits for no branches and no child.

    Who holds it hears of it with the next beat, or when he commits. What undoes is not cut short.
    """
    idle = leases.is_open(hop) and hop.owner is None and not leases.waits_for_others(hop)
    return idle and hop.direction == Direction.EXECUTE


def hurry(now: datetime) -> Hurried:
    """Return what makes a hop due now."""
    return Hurried(now, now)


def end_early(now: datetime) -> EndedEarly:
    """Return what makes a hop due now, for anybody to end it."""
    return EndedEarly(now, now, closes=True)


# -- terminate


class Ended(NamedTuple):
    """What an end from outside writes to the run."""

    status: RunStatus
    completed_at: datetime


class Abandoned(NamedTuple):
    """What the end of a run writes to each hop that is still open: no fence shown from now on is a good one."""

    fence: int
    status: StepStatus
    owner: None
    due_at: None
    reason: None
    awaits: None
    completed_at: datetime


def terminate(run: RunState, now: datetime) -> Ended | None:
    """Return what ends the run, None if it is final already."""
    return None if run.status in FINAL else Ended(RunStatus.TERMINATED, now)


def abandon(hop: HopState, now: datetime) -> Abandoned:
    """Return what the end of its run writes to an open hop."""
    return Abandoned(hop.fence + 1, StepStatus.CANCELLED, None, None, None, None, now)


# -- resume


H = TypeVar("H", bound=PlacedHop)


class Restart(NamedTuple):
    """How a person wants a step started over: by whatever code there is, or with none of what it recorded."""

    accept_contract: bool = False
    afresh: bool = False


class Restarted(NamedTuple):
    """What resuming writes to a hop: due now, as if it had never been tried, and without its old leases.

    ``accepted``: from now on whatever code serves it is taken to fit. What it recorded in an earlier ``epoch``
    it does not find again.
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
    """What resuming writes to the run, which is open again: where it stands follows from its hops.

    Of a run that failed no branch is to end any more (``closing``).
    """

    completed_at: None
    error: RunError | None
    cancel_requested: str | None
    deadline: datetime | None
    closes_at: datetime | None
    closing: Sequence[str] | None


def choose_resumed(hops: Sequence[H]) -> list[H]:
    """Return the hops that resuming starts over: those that wait, or the one that ended the run.

    That is the last of the trunk that failed: if it is a node, what failed in its branches is reopened from there. Not
    one that somebody holds: a run waits with a leased hop for a moment, while whoever serves it comes back. No node's
    wait is cut short, and nothing begins for which a join has no room: raises WrongState if there is nothing else to
    start over.
    """
    waiting = [hop for hop in hops if leases.is_open(hop) and not leases.waits_for_others(hop)]
    going_on = [hop for hop in waiting if hop.wait == WaitState.OPEN]
    if going_on and len(going_on) == len(waiting):
        raise WrongState(_waits(going_on[0]))
    waiting = [hop for hop in waiting if hop not in going_on]
    failed = sorted((hop for hop in hops if may_be_resumed(hop)), key=lambda hop: hop.position)
    return [hop for hop in waiting or failed[-1:] if hop.owner is None]


def may_be_resumed(hop: PlacedHop) -> bool:
    """Tell whether a hop is one that may have ended the run."""
    return hop.status == StepStatus.FAILED and not hop.path


def _waits(hop: PlacedHop) -> str:
    until = "" if hop.due_at is None else f" until {hop.due_at:%Y-%m-%dT%H:%M:%SZ}"
    return f"the run waits ({hop.reason}){until}: a retry does not cut that short"


def restart(hop: PlacedHop, now: datetime, how: Restart) -> Restarted:
    """Return what starts the hop over."""
    pending, accepted = StepStatus.PENDING, how.accept_contract or hop.accepted
    wait = hop.wait if leases.is_open(hop) else None  # one that failed starts its wait over
    epoch = (hop.epoch or 0) + 1 if how.afresh else hop.epoch
    why = (None, None, wait, None, None, accepted, epoch, None)
    return Restarted(hop.fence + 1, 0, 0, pending, None, now, now, 0, *why)


def resume(run: ResumableRun, now: datetime) -> Resumed:
    """Return what sends the run on its way again; raises WrongState if it cannot be.

    A failed run's error is forgotten, and with it a request to cancel it and a deadline that has passed: the later word
    counts. On the way back the run keeps the reason for which it turned round.
    """
    require_resumable(run)
    if run.status != RunStatus.FAILED:
        return Resumed(None, run.error, run.cancel_requested, run.deadline, run.closes_at, run.closing)
    deadline = run.deadline if run.deadline is not None and run.deadline > now else None
    return Resumed(None, None, None, deadline, deadline, None)
