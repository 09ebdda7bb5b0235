"""The way back: what was done is undone in reverse, one hop each.

It is the saga of Garcia-Molina and Salem (1987).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

from paigeant.model.fan.outcomes import JoinFailed
from paigeant.model.hops import Leased
from paigeant.model.outcomes import Completed, Fault, Faulted, FaultKind, Finished, Revised
from paigeant.model.plan import Undo
from paigeant.model.routing_slip import Compensation, undo_of
from paigeant.model.runs import RunError
from paigeant.model.transition import Done, Following, Left, Transition, Writes
from paigeant.model.values.showing import class_name
from paigeant.model.values.values import Value
from paigeant.routing.fan.ends import fail, finish_undoing, get_stuck
from paigeant.routing.messages import backward, error_at

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
    left = Left(fault, before if in_doubt else None)
    writes = Writes(tuple(outcome.variables.items()), error_at(message, fault))
    return _begin_undoing(leased, left, undo, writes) or fail(leased, left, writes, undone=False)


def give_up_node(leased: Leased, outcome: JoinFailed) -> Transition:
    """Too few branches of a node have completed: undo those that did, and then what was done before."""
    message, error = leased.message, outcome.error
    _, path, position = message.key
    before = message.routing_slip.compensations
    fault = Fault(type=error.type, message=error.message, kind=outcome.kind)
    if outcome.stuck:
        return get_stuck(leased, Left(fault), Writes(error=error))
    itself = undo_of(message.routing_slip.itinerary, position, path)
    undo = (itself,) if outcome.undo else before if outcome.compensate else ()
    left = Left(fault, before if outcome.undo else None)
    writes = Writes(error=error)
    # Who cancels without undoing is not told that all was undone because a branch, which had failed, undid itself.
    undone = outcome.undone and outcome.compensate
    return _begin_undoing(leased, left, undo, writes) or fail(leased, left, writes, undone=undone)


def go_back(leased: Leased, outcome: Success) -> Transition:
    """A step is undone: on to the one before it, or all is."""
    message, record = leased.message, leased.grant.record
    before = () if record is None else record.before
    undo = (*before, *message.routing_slip.compensations[1:])
    left, writes = Left(Done(outcome.output)), Writes(tuple(outcome.variables.items()))
    if not undo:
        return finish_undoing(leased, left, writes)
    return Transition(left, (Following(backward(leased, undo, message.payload.fault)),), writes=writes)


def give_up_undoing(leased: Leased, outcome: Faulted) -> Transition:
    """A compensation failed for good: what comes before it stays as it is, and a person must look."""
    fault = outcome.fault
    message, origin = leased.message, leased.message.payload.fault
    text = f"undoing {message.label!r} failed: {class_name(fault.type)}: {fault.message}"
    if origin is not None:
        text += f" (undone because of {class_name(origin.type)}: {origin.message})"
    _, path, position = message.key
    error = RunError(type=fault.type, message=text, step=message.label, path=path, position=position)
    left = Left(fault.model_copy(update={"kind": FaultKind.ERROR}))  # the undoing failed; no cancel request ends it
    return get_stuck(leased, left, Writes(tuple(outcome.variables.items()), error))


def give_up_undoing_node(leased: Leased, outcome: JoinFailed) -> Transition:
    """Of the branches of a node some could not be undone."""
    error = outcome.error
    return get_stuck(leased, Left(Fault(type=error.type, message=error.message)), Writes(error=error))


def _begin_undoing(leased: Leased, left: Left, undo: tuple[Compensation, ...], writes: Writes) -> Transition | None:
    """Return the transition to the hop that undoes what is left to undo, None if nothing is."""
    if not undo:
        return None
    message, branch = backward(leased, undo, left.fault), leased.message.routing_slip.branch
    if branch is None:
        return Transition(left, (Following(message),), writes=writes)
    branch = replace(branch, failed=failed_at(leased, writes))
    slip = replace(message.routing_slip, branch=branch)  # it reports its error at its end, and to its node
    return Transition(left, (Following(replace(message, routing_slip=slip)),), writes=replace(writes, error=None))


def failed_at(leased: Leased, writes: Writes) -> tuple[str, int]:
    """Return which step of a branch failed, and at which position."""
    error = writes.error
    return (error and error.step) or leased.message.label, leased.message.headers.position
