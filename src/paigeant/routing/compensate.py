"""The way back: what was done is undone in reverse, one hop each.

It is the saga of Garcia-Molina and Salem (1987).
"""

from __future__ import annotations

from typing import Final, TypeAlias

from paigeant.model.hops import Leased
from paigeant.model.message import PaigeantMessage
from paigeant.model.outcomes import Completed, Fault, Faulted, FaultKind, Finished, Revised
from paigeant.model.plan import Undo
from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import RunError, RunStatus
from paigeant.model.transition import Done, Following, Left, RunEnd, Transition, Writes
from paigeant.model.values.showing import class_name
from paigeant.model.values.values import Value
from paigeant.routing.messages import backward

Success: TypeAlias = Completed[Value] | Revised[Value] | Finished[Value]
"""The step is done."""

_CUT_SHORT: Final = frozenset({FaultKind.TIMEOUT, FaultKind.DEADLINE, FaultKind.INTERRUPTED, FaultKind.CANCELLED})
"""Kinds of faults after which nobody knows how far the step came."""


def turn_round(leased: Leased, outcome: Faulted) -> Transition:
    """The step failed for good: undo what was done, beginning with itself if nobody knows how far it came."""
    message, fault = leased.message, outcome.fault
    before = message.routing_slip.compensations
    _, path, position = message.key
    in_doubt = outcome.begun and fault.kind in _CUT_SHORT and outcome.compensate and leased.undo is Undo.UNKNOWN
    itself = Compensation(path=path, position=position, activity=message.topic, step_id=message.step_id, unknown=True)
    undo = (itself,) if in_doubt else before if outcome.compensate else ()
    ended = RunStatus.CANCELLED if fault.kind is FaultKind.CANCELLED else RunStatus.FAILED
    return Transition(
        Left(fault, before if in_doubt else None),
        *_undoing(leased, undo, fault, RunEnd(ended)),
        writes=Writes(tuple(outcome.variables.items()), error=_run_error(message, fault)),
    )


def go_back(leased: Leased, outcome: Success) -> Transition:
    """A step is undone: on to the one before it, or the run is compensated."""
    message, record = leased.message, leased.grant.record
    before = () if record is None else record.before
    undo = (*before, *message.routing_slip.compensations[1:])
    return Transition(
        Left(Done(outcome.output)),
        *_undoing(leased, undo, message.payload.fault, RunEnd(RunStatus.COMPENSATED)),
        writes=Writes(tuple(outcome.variables.items())),
    )


def give_up_undoing(leased: Leased, outcome: Faulted) -> Transition:
    """A compensation failed for good: what comes before it stays as it is, and a person must look."""
    fault = outcome.fault
    message, origin = leased.message, leased.message.payload.fault
    text = f"undoing {message.topic!r} failed: {class_name(fault.type)}: {fault.message}"
    if origin is not None:
        text += f" (undone because of {class_name(origin.type)}: {origin.message})"
    _, path, position = message.key
    error = RunError(type=fault.type, message=text, step=message.topic, path=path, position=position)
    left = Left(fault.model_copy(update={"kind": FaultKind.ERROR}))  # the undoing failed; no cancel request ends it
    return Transition(
        left, end=RunEnd(RunStatus.COMPENSATION_FAILED), writes=Writes(tuple(outcome.variables.items()), error)
    )


def _run_error(message: PaigeantMessage, fault: Fault) -> RunError:
    _, path, position = message.key
    return RunError(type=fault.type, message=fault.message, step=message.label, path=path, position=position)


def _undoing(
    leased: Leased, undo: tuple[Compensation, ...], fault: Fault | None, end: RunEnd
) -> tuple[tuple[Following, ...], RunEnd | None]:
    """Return the hop that undoes what is left to undo, or the end of the run if nothing is."""
    return ((Following(backward(leased, undo, fault)),), None) if undo else ((), end)
