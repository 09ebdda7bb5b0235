"""What follows from an outcome, and what a lease must not run: the decisions, without anything being done."""

from __future__ import annotations

from typing import NamedTuple

from paigeant.model.entries.step import OnInterrupt
from paigeant.model.plan import Undo
from paigeant.model.runs import CancelRequest, RunStatus, StepStatus
from tests.model.protocol.nouns import (
    AWAITS,
    AWAITS_A_WHILE,
    CUT_OFF,
    FAILED,
    INTERRUPTED,
    RETRYING,
    Grant,
    Hop,
    Outcome,
    Run,
    Step,
)


class Decision(NamedTuple):
    """What becomes of the hop and of the run, and the hop that follows."""

    status: StepStatus
    run: RunStatus
    next: Hop | None = None
    undoable: bool = False


def decide(plan: tuple[Step, ...], run: Run, position: int, outcome: Outcome) -> Decision:
    """Return what follows from the outcome of the hop at this position."""
    hop = run.hops[position - 1]
    match outcome.name:
        case "retrying":
            return Decision(StepStatus.RETRYING, RunStatus.RUNNING)
        case "parked" | "parked, interrupted" | AWAITS.name | AWAITS_A_WHILE.name:
            return Decision(StepStatus.WAITING, RunStatus.WAITING)
        case "completed" if hop.back:
            before = _last_undoable(run, hop.undoes)
            return Decision(StepStatus.COMPLETED, *_undoing(run, before, RunStatus.COMPENSATED))
        case "completed":
            ends = hop.step + 1 == len(plan)
            following = None if ends else Hop(hop.step + 1)
            status = RunStatus.COMPLETED if ends else RunStatus.RUNNING
            return Decision(StepStatus.COMPLETED, status, following, plan[hop.step].undo is not Undo.NEVER)
        case _ if hop.back:
            return Decision(StepStatus.FAILED, RunStatus.COMPENSATION_FAILED)
        case _:
            return _turn_round(plan, run, position, outcome)


def _turn_round(plan: tuple[Step, ...], run: Run, position: int, outcome: Outcome) -> Decision:
    """Undo what was done, beginning with the step itself if nobody knows how far it came."""
    itself = outcome.doubt and outcome.compensate and plan[run.hops[position - 1].step].undo is Undo.UNKNOWN
    first = position if itself else _last_undoable(run, position) if outcome.compensate else 0
    status = StepStatus.CANCELLED if outcome.cancelled else StepStatus.FAILED
    ended = RunStatus.CANCELLED if outcome.cancelled else RunStatus.FAILED
    return Decision(status, *_undoing(run, first, ended), undoable=itself)


def _undoing(run: Run, position: int, ended: RunStatus) -> tuple[RunStatus, Hop | None]:
    if position == 0:
        return ended, None
    return RunStatus.RUNNING, Hop(run.hops[position - 1].step, back=True, undoes=position)


def _last_undoable(run: Run, before: int) -> int:
    """Return the position of what is undone next, 0 if there is nothing more."""
    return max((position for position in range(1, before) if run.hops[position - 1].undoable), default=0)


def refuse(step: Step, hop: Hop, grant: Grant) -> Outcome | None:
    """Return the outcome of a step that must not run: cancelled, late, interrupted, or out of attempts."""
    if not hop.back and grant.cancel_request is not None:
        return cancelled(grant.cancel_request, begun=grant.has_begun)
    if not hop.back and grant.late:
        return late(begun=grant.has_begun)
    if grant.interrupted and not hop.back and step.on_interrupt is not OnInterrupt.RERUN:
        return interrupted(step)
    return CUT_OFF if grant.attempt > step.max_attempts else None


def cancelled(cancel_request: CancelRequest, *, begun: bool) -> Outcome:
    return Outcome("cancelled", cancelled=True, compensate=cancel_request is CancelRequest.COMPENSATE, doubt=begun)


def late(*, begun: bool) -> Outcome:
    return Outcome("late", doubt=begun)


def interrupted(step: Step) -> Outcome:
    """Return the outcome of a step that began and never ended, and is not to be run again by itself."""
    return INTERRUPTED if step.on_interrupt is OnInterrupt.PARK else CUT_OFF


def judge_error(step: Step, grant: Grant) -> Outcome:
    """Return what follows from an error: another attempt, as far as the policy goes."""
    return RETRYING if grant.attempt < step.max_attempts else FAILED


def judge_timeout(step: Step, hop: Hop, grant: Grant) -> Outcome:
    """Return what follows from a time-out, after which nobody knows how far the code came."""
    if step.on_interrupt is OnInterrupt.PARK and not hop.back:
        return INTERRUPTED
    return RETRYING if grant.attempt < step.max_attempts else CUT_OFF
