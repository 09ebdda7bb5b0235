"""Ends of runs without running their step, by request or deadline, and outcomes of unreadable messages."""

from __future__ import annotations

from typing import Final

from paigeant.errors import MessageRejected, TamperedMessage, UnknownKey
from paigeant.model.fan.joins import Arrival, BranchEnd, branch_at
from paigeant.model.hold import After, Person, WaitState
from paigeant.model.hops import Grant, Leased
from paigeant.model.outcomes import Fault, Faulted, FaultKind
from paigeant.model.runs import CancelRequest, RunError, RunStatus
from paigeant.model.transition import Held, Left, RunEnd, Transition, Writes

_BRANCH_ENDS: Final = {
    RunStatus.CANCELLED: BranchEnd.CANCELLED,
    RunStatus.FAILED: BranchEnd.FAILED,
    RunStatus.COMPENSATION_FAILED: BranchEnd.STUCK,
}
UNREADABLE_BACKOFF: Final = 60.0
"""Seconds until a message that cannot be opened here is offered again."""


def close(leased: Leased, *, begun: bool) -> Faulted:
    """Return the outcome of a step that is not to be run any more; ``begun`` is True if its code may have run."""
    cancel = leased.grant.cancel
    return cancelled(cancel, begun=begun) if cancel is not None else deadline_passed(leased, begun=begun)


def cancelled(cancel: CancelRequest, *, begun: bool) -> Faulted:
    """Return the outcome of a step whose run or branch is to be cancelled."""
    what = "its branch is not needed any more" if cancel is CancelRequest.BRANCH else "the run was cancelled on request"
    fault = Fault(type="Cancelled", message=what, kind=FaultKind.CANCELLED)
    return Faulted(fault, compensate=cancel is not CancelRequest.PLAIN, begun=begun)


def deadline_passed(leased: Leased, *, begun: bool) -> Faulted:
    """Return the outcome of a step whose run has passed its deadline."""
    text = f"the run's deadline, {leased.message.headers.deadline}, has passed"
    return Faulted(Fault(type="DeadlineExceeded", message=text, kind=FaultKind.DEADLINE), begun=begun)


def is_to_end(leased: Leased) -> Faulted | None:
    """Return the outcome of a node that is to end, because its run or an enclosing branch is; else None."""
    grant = leased.grant
    if grant.cancel is not None:
        return cancelled(grant.cancel, begun=False)
    if grant.remaining is not None and grant.remaining <= 0:
        return deadline_passed(leased, begun=False)
    return None


def unreadable(error: MessageRejected) -> Transition:
    """Return the transition of a twin whose message must not be executed: it is held with the reason.

    Bytes that cannot be opened here are offered again periodically, for a worker of another version or with another
    key. An altered message waits until a person has repaired it and resumes the run.
    """
    if isinstance(error, TamperedMessage):
        return Transition(Held(Person(error.reason), Fault(type=type(error).__name__, message=str(error))))
    again = error.again_in if isinstance(error, UnknownKey) else UNREADABLE_BACKOFF
    return Transition(Held(After(again, f"unreadable: {error}")))


def close_unread(grant: Grant, error: MessageRejected) -> Transition:
    """Return the end of a run that must end, and whose message cannot be opened or was altered.

    The compensations are listed in that message: unless it is the first one, the run ends with a failed compensation,
    so that a person inspects it and, with the right worker or key, resumes it. In a branch only the branch ends so, and
    its node decides.
    """
    cause = "the run was cancelled on request" if grant.cancel else "the run's deadline has passed"
    what = "was tampered with" if isinstance(error, TamperedMessage) else "does not open"
    text = f"{cause}, but the message of position {grant.key.position} {what}: {error}"
    _, path, position = grant.key
    first = position == 1 and grant.wait is not WaitState.JOIN  # a node's branches have done work before it is left
    if grant.cancel is CancelRequest.PLAIN or first:
        end = RunStatus.CANCELLED if grant.cancel else RunStatus.FAILED
    else:
        end = RunStatus.COMPENSATION_FAILED
        text += "; nothing was undone"
    kind = FaultKind.CANCELLED if end is RunStatus.CANCELLED else FaultKind.ERROR
    fault = Fault(type=type(error).__name__, message=text, kind=kind)
    place = RunError(type=fault.type, message=text, step=grant.topic, path=path, position=position)
    if path:
        return Transition(Left(fault), arrival=Arrival(branch_at(path), _BRANCH_ENDS[end], error=place, ends=True))
    return Transition(Left(fault), end=RunEnd(end), writes=Writes(error=place))
