"""``advance(leased, outcome)``: what follows from a step's outcome. No I/O, no clock, no chance.

A workflow's failure handling is the saga of Garcia-Molina and Salem (1987): what completed is undone in reverse.
"""

from __future__ import annotations

from typing import assert_never

from paigeant.model.hops import Leased, Revision, Transition
from paigeant.model.message import HopKey, PaigeantMessage, Payload
from paigeant.model.outcomes import (
    Completed,
    Fault,
    Faulted,
    FaultKind,
    Finished,
    InterfaceMismatch,
    Outcome,
    Parked,
    Retrying,
    Revised,
)
from paigeant.model.plan import Undo
from paigeant.model.retry import qualified_name
from paigeant.model.routing_slip import Compensation, RoutingSlip
from paigeant.model.runs import Direction, RunError, RunStatus, StepStatus
from paigeant.model.steps import Step
from paigeant.model.values import Value
from paigeant.routing.itinerary import RevisionRefused, revise

_CUT_SHORT = frozenset({FaultKind.TIMEOUT, FaultKind.DEADLINE, FaultKind.INTERRUPTED, FaultKind.CANCELLED})


def advance(leased: Leased, outcome: Outcome[Value]) -> Transition:
    """Return what becomes of the hop and the run, and the message of the hop that follows, if one does.

    Forward: a completed step is followed by the next of the itinerary, and the last completes the run. A fault turns
    the journey round: what completed and can be undone is undone in reverse, one hop each, and the run ends
    ``compensated``, ``compensation_failed``, or ``failed`` (``cancelled``) if there was nothing to undo.
    """
    match outcome:
        case Retrying(fault, delay):
            return Transition(StepStatus.RETRYING, RunStatus.RUNNING, fault=fault, delay=delay)
        case Parked(reason, resume_after):
            delay = None if resume_after is None else resume_after.total_seconds()
            return Transition(StepStatus.WAITING, RunStatus.WAITING, reason=reason, delay=delay)
        case InterfaceMismatch(reason, interface):
            return Transition(StepStatus.WAITING, RunStatus.WAITING, reason=reason, interface=interface)
        case Faulted():
            return _give_up(leased, outcome) if _is_back(leased) else _turn_round(leased, outcome)
        case Completed() | Revised() | Finished():
            return _go_back(leased, outcome) if _is_back(leased) else _go_on(leased, outcome)
    assert_never(outcome)


def _is_back(leased: Leased) -> bool:
    return leased.message.headers.direction is Direction.COMPENSATE


def _go_on(leased: Leased, outcome: Completed[Value] | Revised[Value] | Finished[Value]) -> Transition:
    """The step is done: on to the next one, or the run is complete."""
    message, position = leased.message, leased.message.headers.position
    compensable = leased.undo is not Undo.NEVER
    slip = message.routing_slip.mark_complete(position, compensable=compensable)
    revision = None
    if isinstance(outcome, Revised):
        try:
            itinerary = revise(message, outcome)
        except RevisionRefused as error:
            return _turn_round(leased, Faulted(Fault(type=qualified_name(type(error)), message=str(error))))
        revision = _difference(slip.itinerary, itinerary)
        interfaces = {**leased.interfaces, **slip.interfaces}  # what remained was dispatched against the older ones
        slip = slip.model_copy(update={"itinerary": itinerary, "interfaces": interfaces})
    ends = isinstance(outcome, Finished) or slip.next_step() is None
    return Transition(
        StepStatus.COMPLETED,
        RunStatus.COMPLETED if ends else RunStatus.RUNNING,
        next=None if ends else _next(leased, slip, message.payload.model_copy(update={"previous": outcome.output})),
        output=outcome.output,
        log=outcome.log,
        variables=((message.topic, outcome.output), *outcome.variables.items()),
        compensable=compensable,
        before=_head(message.routing_slip),
        run_output=outcome.output if ends else None,
        revision=revision,
    )


def _turn_round(leased: Leased, outcome: Faulted) -> Transition:
    """The step failed for good: undo what was done, beginning with itself if nobody knows how far it came."""
    message, fault = leased.message, outcome.fault
    step, position = message.topic, message.headers.position
    cancelled = fault.kind is FaultKind.CANCELLED
    in_doubt = outcome.begun and fault.kind in _CUT_SHORT and outcome.compensate and leased.undo is Undo.UNKNOWN
    before = _head(message.routing_slip)
    itself = Compensation(position=position, activity=step, step_id=message.step_id, unknown=True)
    first = itself if in_doubt else before if outcome.compensate else None
    ended = RunStatus.CANCELLED if cancelled else RunStatus.FAILED
    return Transition(
        StepStatus.CANCELLED if cancelled else StepStatus.FAILED,
        ended if first is None else RunStatus.RUNNING,
        next=None if first is None else _undoing(leased, first, fault),
        fault=fault,
        compensable=in_doubt,
        before=before,
        run_error=RunError(type=fault.type, message=fault.message, step=step, position=position),
    )


def _go_back(leased: Leased, outcome: Completed[Value] | Revised[Value] | Finished[Value]) -> Transition:
    """A step is undone: on to the one before it, or the run is compensated."""
    record = leased.grant.record
    before = None if record is None else record.before
    return Transition(
        StepStatus.COMPLETED,
        RunStatus.COMPENSATED if before is None else RunStatus.RUNNING,
        next=None if before is None else _undoing(leased, before, leased.message.payload.fault),
        output=outcome.output,
        variables=tuple(outcome.variables.items()),
    )


def _give_up(leased: Leased, outcome: Faulted) -> Transition:
    """A compensation failed for good: what comes before it stays as it is, and a person must look."""
    message, fault, origin = leased.message, outcome.fault, leased.message.payload.fault
    text = f"undoing {message.topic!r} failed: {fault.type}: {fault.message}"
    if origin is not None:
        text += f" (undone because of {origin.type}: {origin.message})"
    error = RunError(type=fault.type, message=text, step=message.topic, position=message.headers.position)
    return Transition(StepStatus.FAILED, RunStatus.COMPENSATION_FAILED, fault=fault, run_error=error)


def _head(slip: RoutingSlip) -> Compensation | None:
    return slip.compensations[0] if slip.compensations else None


def _undoing(leased: Leased, what: Compensation, fault: Fault | None) -> PaigeantMessage:
    message = leased.message
    slip = RoutingSlip(executed=message.routing_slip.executed, compensations=(what,))
    payload = Payload(input=message.payload.input, fault=fault)
    return _next(leased, slip, payload, Direction.COMPENSATE)


def _next(
    leased: Leased, slip: RoutingSlip, payload: Payload, direction: Direction = Direction.EXECUTE
) -> PaigeantMessage:
    headers = leased.message.headers
    key = HopKey(headers.workflow_id, headers.path, headers.position + 1)
    changed = {
        "message_id": key.message_id,
        "position": key.position,
        "direction": direction,
        "created_at": leased.grant.leased_at,
    }
    return PaigeantMessage(headers=headers.model_copy(update=changed), payload=payload, routing_slip=slip)


def _difference(old: tuple[Step, ...], new: tuple[Step, ...]) -> Revision:
    before, after = {step.id for step in old}, {step.id for step in new}
    added = tuple(step for step in new if step.id not in before)
    return Revision(added, tuple(step for step in old if step.id not in after))
