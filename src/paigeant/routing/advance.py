"""``advance(leased, outcome)``: what follows from a step's outcome. No I/O, no clock, no chance.

A workflow's failure handling is the saga of Garcia-Molina and Salem (1987): what completed is undone in reverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias, assert_never

from paigeant.model.hold import After, Code, Person
from paigeant.model.hops import Leased
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
from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import Direction, RunError, RunStatus
from paigeant.model.steps import Step
from paigeant.model.transition import Done, Following, Held, Left, Revision, RunEnd, Transition, Writes
from paigeant.model.values import Value
from paigeant.routing.itinerary import RevisionRefused, revise
from paigeant.routing.messages import backward, onward

_CUT_SHORT = frozenset({FaultKind.TIMEOUT, FaultKind.DEADLINE, FaultKind.INTERRUPTED, FaultKind.CANCELLED})

_Success: TypeAlias = Completed[Value] | Revised[Value] | Finished[Value]


def advance(leased: Leased, outcome: Outcome[Value]) -> Transition:
    """Return what becomes of the hop and the run, and the messages of the hops that follow, if any do.

    Forward: a completed step is followed by the next of the itinerary, and the last completes the run. A fault turns
    the journey round: what completed and can be undone is undone in reverse, one hop each, and the run ends
    ``compensated``, ``compensation_failed``, or ``failed`` (``cancelled``) if there was nothing to undo.
    """
    match outcome:
        case Retrying(fault, delay):
            return Transition(Held(After(delay), fault))
        case Parked(reason, after):
            return Transition(Held(Person(reason) if after is None else After(after.total_seconds(), reason)))
        case InterfaceMismatch(reason, interface):
            return Transition(Held(Code(interface, reason)))
        case Faulted():
            return _give_up(leased, outcome) if _is_back(leased) else _turn_round(leased, outcome)
        case Completed() | Revised() | Finished():
            return _go_back(leased, outcome) if _is_back(leased) else _go_on(leased, outcome)
    assert_never(outcome)


def _is_back(leased: Leased) -> bool:
    return leased.message.headers.direction is Direction.COMPENSATE


def _go_on(leased: Leased, outcome: _Success) -> Transition:
    """The step is done: on to the next one, or the run is complete."""
    message, compensable = leased.message, leased.undo is not Undo.NEVER
    _, path, position = message.key
    slip = message.routing_slip.mark_complete(position, path=path, compensable=compensable)
    revision = None
    if isinstance(outcome, Revised):
        try:
            itinerary = revise(message, outcome, leased.interfaces)
        except RevisionRefused as error:
            return _turn_round(leased, Faulted(Fault(type=qualified_name(type(error)), message=str(error))))
        revision = _difference(slip.itinerary, itinerary)
        slip = replace(slip, itinerary=itinerary)
    ends = isinstance(outcome, Finished) or not slip.itinerary
    variables = ((message.topic, outcome.output), *outcome.variables.items())
    return Transition(
        Left(Done(outcome.output, outcome.log), message.routing_slip.compensations if compensable else None),
        next=() if ends else (Following(onward(leased, slip, outcome.output)),),
        end=RunEnd(RunStatus.COMPLETED, outcome.output) if ends else None,
        writes=Writes(variables, revision=revision),
    )


def _turn_round(leased: Leased, outcome: Faulted) -> Transition:
    """The step failed for good: undo what was done, beginning with itself if nobody knows how far it came."""
    message, fault = leased.message, outcome.fault
    step, before = message.topic, message.routing_slip.compensations
    _, path, position = message.key
    in_doubt = outcome.begun and fault.kind in _CUT_SHORT and outcome.compensate and leased.undo is Undo.UNKNOWN
    itself = Compensation(path=path, position=position, activity=step, step_id=message.step_id, unknown=True)
    undo = (itself,) if in_doubt else before if outcome.compensate else ()
    ended = RunStatus.CANCELLED if fault.kind is FaultKind.CANCELLED else RunStatus.FAILED
    return Transition(
        Left(fault, before if in_doubt else None),
        *_undoing(leased, undo, fault, RunEnd(ended)),
        writes=Writes(error=RunError(type=fault.type, message=fault.message, step=step, path=path, position=position)),
    )


def _go_back(leased: Leased, outcome: _Success) -> Transition:
    """A step is undone: on to the one before it, or the run is compensated."""
    message, record = leased.message, leased.grant.record
    before = () if record is None else record.before
    undo = (*before, *message.routing_slip.compensations[1:])
    return Transition(
        Left(Done(outcome.output)),
        *_undoing(leased, undo, message.payload.fault, RunEnd(RunStatus.COMPENSATED)),
        writes=Writes(tuple(outcome.variables.items())),
    )


def _undoing(
    leased: Leased, undo: tuple[Compensation, ...], fault: Fault | None, end: RunEnd
) -> tuple[tuple[Following, ...], RunEnd | None]:
    """Return the hop that undoes what is left to undo, or the end of the run if nothing is."""
    return ((Following(backward(leased, undo, fault)),), None) if undo else ((), end)


def _give_up(leased: Leased, outcome: Faulted) -> Transition:
    """A compensation failed for good: what comes before it stays as it is, and a person must look."""
    message, fault, origin = leased.message, outcome.fault, leased.message.payload.fault
    text = f"undoing {message.topic!r} failed: {fault.type}: {fault.message}"
    if origin is not None:
        text += f" (undone because of {origin.type}: {origin.message})"
    _, path, position = message.key
    error = RunError(type=fault.type, message=text, step=message.topic, path=path, position=position)
    left = Left(fault.model_copy(update={"kind": FaultKind.ERROR}))  # no wish ends the undoing: it failed, not that
    return Transition(left, end=RunEnd(RunStatus.COMPENSATION_FAILED), writes=Writes(error=error))


def _difference(old: Sequence[Step], new: Sequence[Step]) -> Revision:
    before, after = {step.id for step in old}, {step.id for step in new}
    added = tuple(step for step in new if step.id not in before)
    return Revision(added, tuple(step for step in old if step.id not in after))
