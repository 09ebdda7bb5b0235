"""``advance``: decides what follows a step's outcome. No I/O, no clock, no randomness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from paigeant.model.fan.outcomes import AnyOutcome, FannedOut, Joined, JoinFailed
from paigeant.model.hold import NOW, After, Child, Code, Hold, Join, Person, Signal, Window
from paigeant.model.hops import Leased
from paigeant.model.outcomes import (
    Completed,
    Entered,
    Fault,
    Faulted,
    Finished,
    InterfaceMismatch,
    Parked,
    Passed,
    Retrying,
    Revised,
)
from paigeant.model.plan import Undo
from paigeant.model.retry import qualified_name
from paigeant.model.routing_slip import NOTHING_AHEAD, RoutingSlip
from paigeant.model.runs import Direction
from paigeant.model.transition import NO_WRITES, Done, FanOut, Following, Held, Left, Transition, Writes
from paigeant.model.tree.changes import ChildBegun, ChildRetried, ChildTurned
from paigeant.model.tree.children import ChildAwaited
from paigeant.model.values.durations import seconds_or_none
from paigeant.model.values.values import Value
from paigeant.routing.compensate import (
    Success,
    give_up_node,
    give_up_undoing,
    give_up_undoing_node,
    go_back,
    turn_round,
)
from paigeant.routing.conditions import Decided, decide
from paigeant.routing.fan.ends import complete
from paigeant.routing.messages import onward, outward, undoing
from paigeant.routing.nodes import held_by
from paigeant.routing.revision import RevisionRefused, revise


def advance(leased: Leased, outcome: AnyOutcome) -> Transition:
    """Return the changes of the hop and the run, and the messages of the next hops, if any.

    Forward: a completed step is followed by the next entry of the itinerary, and the last one completes the run. A
    fault turns the run round: completed steps with a compensation are undone in reverse, one hop each, and the run ends
    ``compensated``, ``compensation_failed``, or ``failed`` (``cancelled``) if there was nothing to undo.
    """
    match outcome:
        case Completed() | Revised() | Finished():
            return go_back(leased, outcome) if _is_compensating(leased) else _complete_step(leased, outcome)
        case Retrying() | Parked() | InterfaceMismatch() | Entered():
            asks = outcome.asks if isinstance(outcome, Parked) else ()
            return Transition(_hold(outcome), writes=Writes(asks=asks) if asks else NO_WRITES)
        case Passed(variables):
            return _pass(leased, variables)
        case FannedOut() | Joined() | JoinFailed():
            return _advance_fan(leased, outcome)
        case ChildBegun() | ChildTurned() | ChildRetried() | ChildAwaited():
            return Transition(Held(Child()), child=None if isinstance(outcome, ChildAwaited) else outcome)
        case Faulted():
            return give_up_undoing(leased, outcome) if _is_compensating(leased) else turn_round(leased, outcome)
    assert_never(outcome)


def _hold(outcome: Retrying | Parked | InterfaceMismatch | Entered) -> Held:
    """Keep the twin of the hop."""
    match outcome:
        case Retrying(fault, delay):
            return Held(After(delay), fault)
        case Parked():
            return Held(_parked(outcome))
        case InterfaceMismatch(reason, interface):
            return Held(Code(interface, reason))
        case Entered():
            return Held(held_by(outcome), enters=True)


def _parked(parked: Parked) -> Hold:
    seconds = seconds_or_none(parked.resume_after)
    if parked.signal is not None:
        return Signal(parked.signal, seconds, parked.reason)
    return Person(parked.reason) if seconds is None else After(seconds, parked.reason)


def _is_compensating(leased: Leased) -> bool:
    return leased.message.headers.direction is Direction.COMPENSATE


def _complete_step(leased: Leased, outcome: Success) -> Transition:
    """Go on after a completed step: to the next one, or to the end of the run."""
    message, compensable = leased.message, leased.undo is not Undo.NEVER
    _, path, position = message.key
    slip = message.routing_slip.mark_complete(position, path=path, compensable=compensable)
    revision = None
    if isinstance(outcome, Revised):
        try:
            itinerary, policy, revision = revise(leased, outcome)
        except RevisionRefused as error:
            return turn_round(leased, Faulted(Fault(type=qualified_name(type(error)), message=str(error))))
        slip = replace(slip, itinerary=itinerary, policy=policy)
    going_on = NOTHING_AHEAD if isinstance(outcome, Finished) else slip.itinerary
    ahead = decide(going_on, position + 1, leased.seen)
    name = message.routing_slip.itinerary.step.name
    variables = (*([] if name is None else [(name, outcome.output)]), *outcome.variables.items())
    reason = outcome.reason if isinstance(outcome, Finished) else None
    left = Left(Done(outcome.output, outcome.log, reason), message.routing_slip.compensations if compensable else None)
    return _leave_for_next(leased, left, slip, ahead, outcome.output, Writes(variables, revision=revision))


def _leave_for_next(
    leased: Leased, left: Left, slip: RoutingSlip, ahead: Decided, output: Value | None, writes: Writes
) -> Transition:
    """Leave the hop for the decided next entry, or for the end of the run or of its branch."""
    if not ahead.itinerary:
        nothing_ran = slip.branch is not None and not slip.executed  # its input is not a result
        return complete(leased, left, None if nothing_ran else output, slip.compensations, ahead.passed, writes)
    undecided = ahead.fault is not None
    if undecided or slip.undecided or ahead.itinerary is not slip.itinerary:
        slip = replace(slip, itinerary=ahead.itinerary.settled if undecided else ahead.itinerary, undecided=undecided)
    following = Following(onward(leased, slip, output, len(ahead.passed)))
    return Transition(left, (following,), writes=writes, passed=ahead.passed)


def _pass(leased: Leased, variables: Mapping[str, Value]) -> Transition:
    """Leave a node for the next entry, whose previous output is the one before the node."""
    message, slip = leased.message, leased.message.routing_slip
    _, path, position = message.key
    undecided, slip = slip.undecided, slip if slip.undecided else slip.mark_complete(position, path=path)
    ahead = decide(slip.itinerary, position + 1, leased.seen)
    if undecided and ahead.fault is not None and not ahead.passed:
        return turn_round(leased, Faulted(ahead.fault))  # no variable was corrected since
    writes = Writes(tuple(variables.items()))
    return _leave_for_next(leased, Left(Done(None)), slip, ahead, message.payload.previous, writes)


def _advance_fan(leased: Leased, outcome: FannedOut | Joined | JoinFailed) -> Transition:
    match outcome:
        case FannedOut():
            return _fan_out(leased, outcome)
        case Joined():
            return replace(_join(leased, outcome), joined=True)
        case JoinFailed():
            made = give_up_undoing_node(leased, outcome) if _is_compensating(leased) else give_up_node(leased, outcome)
            return replace(made, joined=True)


def _fan_out(leased: Leased, outcome: FannedOut) -> Transition:
    """Begin branches of a node, forward or compensating; each is released when there is room for it."""
    again = bool(outcome.undoes) and not _is_compensating(leased)
    following = [
        *(Following(outward(leased, start), Window()) for start in outcome.branches),
        *(
            Following(undoing(leased, number, ended, back=not again), NOW if again else Window())
            for number, ended in outcome.undoes
        ),
    ]
    return Transition(Held(Join()), tuple(following), fan_out=FanOut(outcome.start, again, outcome.error))


def _join(leased: Leased, outcome: Joined) -> Transition:
    """Leave a node whose branches have ended for the next entry."""
    slip = leased.message.routing_slip
    _, path, position = leased.message.key
    left = Left(Done(None), slip.compensations if outcome.undo else None)
    slip = slip.mark_complete(position, path=path, compensable=outcome.undo)
    ahead = decide(slip.itinerary, position + 1, leased.seen)
    return _leave_for_next(leased, left, slip, ahead, outcome.output, Writes(tuple(outcome.variables.items())))
