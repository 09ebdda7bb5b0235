"""Compensation: completed steps are undone in reverse order, one hop each.

This is the saga of Garcia-Molina and Salem (1987).
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
"""Kinds of faults after which the step's progress is unknown."""


def turn_round(leased: Leased, outcome: Faulted) -> Transition:
    """Turn the run round after a final fault: undo completed steps, and first this one if its progress is unknown."""
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
    """Fail a node with too few completed branches: undo those, and then the steps before it."""
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
    # A cancel without compensation must not end as compensated only because a failed branch has undone itself.
    undone = outcome.undone and outcome.compensate
    return _begin_undoing(leased, left, undo, writes) or fail(leased, left, writes, undone=undone)


def go_back(leased: Leased, outcome: Success) -> Transition:
    """Go on after a compensated step: to the one before it, or to the end."""
    message, record = leased.message, leased.grant.record
    before = () if record is None else record.before
    undo = (*before, *message.routing_slip.compensations[1:])
    left, writes = Left(Done(outcome.output)), Writes(tuple(outcome.variables.items()))
    if not undo:
        return finish_undoing(leased, left, writes)
    return Transition(left, (Following(backward(leased, undo, message.payload.fault)),), writes=writes)


def give_up_undoing(leased: Leased, outcome: Faulted) -> Transition:
    """End the compensation after a final failure: earlier steps stay as they are, and a person must look."""
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
    """End the compensation of a node some of whose branches could not be undone."""
    error = outcome.error
    return get_stuck(leased, Left(Fault(type=error.type, message=error.message)), Writes(error=error))


def _begin_undoing(leased: Leased, left: Left, undo: tuple[Compensation, ...], writes: Writes) -> Transition | None:
    """Return the transition to the next hop of the compensation, None if nothing is left to undo."""
    if not undo:
        return None
    message, branch = backward(leased, undo, left.fault), leased.message.routing_slip.branch
    if branch is None:
        return Transition(left, (Following(message),), writes=writes)
    branch = replace(branch, failed=failed_at(leased, writes))
    slip = replace(message.routing_slip, branch=branch)  # it reports its error at its end, and to its node
    return Transition(left, (Following(replace(message, routing_slip=slip)),), writes=replace(writes, error=None))


def failed_at(leased: Leased, writes: Writes) -> tuple[str, int]:
    """Return the failed step of a branch, and its position."""
    error = writes.error
    return (error and error.step) or leased.message.label, leased.message.headers.position
