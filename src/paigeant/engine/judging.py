"""Judging a step: whether it may run at all, and what follows from an error. Values in, values out."""

from __future__ import annotations

from dataclasses import dataclass

from paigeant.activities.registry import Handler
from paigeant.engine.faults import describe
from paigeant.model.hops import Leased
from paigeant.model.outcomes import Fault, Faulted, FaultKind, Outcome, Parked, Retrying
from paigeant.model.retry import RetryPolicy
from paigeant.model.runs import CancelWish, Direction, WaitReason
from paigeant.model.steps import OnInterrupt, Step
from paigeant.model.values import Value


class StepTimeout(TimeoutError):
    """The step's own timeout came, not one that its code raised."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What governs a step: its own options, which travelled, before those of the activity's decorator."""

    retry: RetryPolicy
    timeout: float | None
    on_interrupt: OnInterrupt

    @classmethod
    def of(cls, handler: Handler, step: Step | None) -> Rules:
        """Return the rules of a step; ``step`` is None on the way back, where the compensation's own count."""
        if step is None:
            return cls(handler.retry, handler.timeout, handler.on_interrupt)
        return cls(
            step.retry or handler.retry, step.timeout or handler.timeout, step.on_interrupt or handler.on_interrupt
        )


def not_to_run(leased: Leased, rules: Rules) -> Outcome[Value] | None:
    """Return the outcome of a step that must not run: cancelled, past the deadline, interrupted, or out of attempts."""
    grant, forward = leased.grant, leased.message.headers.direction is Direction.EXECUTE
    if forward and grant.cancel is not None:
        return cancelled(grant.cancel)
    if forward and grant.remaining is not None and grant.remaining <= 0:
        return deadline_passed(leased)
    if grant.interrupted and rules.on_interrupt is not OnInterrupt.RERUN:
        return interrupted(leased, rules.on_interrupt)
    if grant.attempt > rules.retry.max_attempts:
        text = f"the worker died, or lost its lease, in each of {grant.attempt - 1} attempts; none of them ended"
        return Faulted(Fault(type="Interrupted", message=text, kind=FaultKind.INTERRUPTED))
    return None


def cancelled(wish: CancelWish) -> Faulted:
    """Return the outcome of a step whose run is wished cancelled."""
    fault = Fault(type="Cancelled", message="the run was cancelled on request", kind=FaultKind.CANCELLED)
    return Faulted(fault, compensate=wish is CancelWish.COMPENSATE)


def deadline_passed(leased: Leased) -> Faulted:
    """Return the outcome of a step whose run has passed its deadline."""
    text = f"the run's deadline, {leased.message.headers.deadline}, has passed"
    return Faulted(Fault(type="DeadlineExceeded", message=text, kind=FaultKind.DEADLINE))


def interrupted(leased: Leased, on_interrupt: OnInterrupt) -> Outcome[Value]:
    """Return the outcome of a step that began and never ended, and is not to be run again by itself."""
    step = leased.message.topic
    if on_interrupt is OnInterrupt.PARK:
        return Parked(WaitReason.INTERRUPTED)
    text = f"step {step!r} was interrupted in attempt {leased.grant.attempt - 1}; it is undone, not run again"
    return Faulted(Fault(type="Interrupted", message=text, kind=FaultKind.INTERRUPTED))


def judge(leased: Leased, rules: Rules, error: Exception, chance: float) -> Outcome[Value]:
    """Return what follows from an error: another attempt, as far as the policy goes, or the end of the step."""
    timed_out = isinstance(error, StepTimeout)
    fault = describe(error, FaultKind.TIMEOUT if timed_out else FaultKind.ERROR)
    if timed_out:
        fault = fault.model_copy(update={"type": "TimeoutError"})
    if not rules.retry.retries(error):
        return Faulted(fault)
    asked = getattr(error, "retry_after", None)
    retry_after = float(asked) if isinstance(asked, int | float) else None
    delay = rules.retry.delay_after(leased.grant.attempt, chance=chance, retry_after=retry_after)
    return Faulted(fault) if delay is None else Retrying(fault, delay)
