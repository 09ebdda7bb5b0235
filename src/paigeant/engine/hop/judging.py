"""Judging a step: whether it may run at all, and what follows from an error. Values in, values out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from paigeant.activities.faults import asked_delay, describe
from paigeant.activities.handlers import Handler
from paigeant.model.durations import seconds_or_none
from paigeant.model.hops import Grant, Leased
from paigeant.model.outcomes import Fault, Faulted, FaultKind, Outcome, Parked, Retrying
from paigeant.model.retry import RetryPolicy
from paigeant.model.runs import CancelRequest, Direction, WaitReason
from paigeant.model.steps import OnInterrupt
from paigeant.model.values import Value

MISMATCH_BACKOFF: Final = timedelta(minutes=1)
"""After which time a step that this worker cannot run, or not read, is offered again: another may be able to."""

USUAL: Final = RetryPolicy()
"""The policy of a step that was given none."""

ONCE: Final = RetryPolicy(max_attempts=1)
"""The policy of a step that runs at most once, unless it was given one."""


class StepTimeout(TimeoutError):
    """The step's own timeout or heartbeat_timeout came, not one that its code raised."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What governs a step: its own options, which travelled, before those of the activity's decorator."""

    retry: RetryPolicy
    timeout: float | None
    on_interrupt: OnInterrupt
    heartbeat_timeout: float | None = None

    @classmethod
    def of(cls, handler: Handler, leased: Leased) -> Rules:
        """Return the rules of a step; on the way back those of the compensation itself count."""
        if leased.message.headers.direction is Direction.COMPENSATE:
            retry = handler.retry or USUAL
            return cls(retry, handler.timeout, handler.on_interrupt, handler.heartbeat_timeout)
        step = leased.message.routing_slip.itinerary.next.step
        on_interrupt = step.on_interrupt or handler.on_interrupt
        default = ONCE if on_interrupt is OnInterrupt.PARK else USUAL
        return cls(
            step.retry or handler.retry or default,
            seconds_or_none(step.timeout) or handler.timeout,
            on_interrupt,
            seconds_or_none(step.heartbeat_timeout) or handler.heartbeat_timeout,
        )


def has_begun(grant: Grant) -> bool:
    """Tell whether the step's code may have run under an earlier lease."""
    return grant.interrupted or grant.attempt > 1


def not_to_run(leased: Leased, rules: Rules) -> Outcome[Value] | None:
    """Return the outcome of a step that must not run: cancelled, past the deadline, interrupted, or out of attempts."""
    grant, forward = leased.grant, leased.message.headers.direction is Direction.EXECUTE
    if forward and grant.cancel is not None:
        return cancelled(grant.cancel, begun=has_begun(grant))
    if forward and grant.remaining is not None and grant.remaining <= 0:
        return deadline_passed(leased, begun=has_begun(grant))
    if grant.interrupted and rules.on_interrupt is not OnInterrupt.RERUN:
        return interrupted(leased, rules.on_interrupt)
    if grant.attempt > rules.retry.max_attempts:
        text = (
            f"the worker died, or lost its lease, in attempt {grant.attempt - 1}; "
            f"max_attempts is {rules.retry.max_attempts}, so that none is left"
        )
        return Faulted(Fault(type="Interrupted", message=text, kind=FaultKind.INTERRUPTED))
    return None


def cancelled(cancel_request: CancelRequest, *, begun: bool) -> Faulted:
    """Return the outcome of a step whose run is wished cancelled."""
    fault = Fault(type="Cancelled", message="the run was cancelled on request", kind=FaultKind.CANCELLED)
    return Faulted(fault, compensate=cancel_request is CancelRequest.COMPENSATE, begun=begun)


def deadline_passed(leased: Leased, *, begun: bool) -> Faulted:
    """Return the outcome of a step whose run has passed its deadline."""
    text = f"the run's deadline, {leased.message.headers.deadline}, has passed"
    return Faulted(Fault(type="DeadlineExceeded", message=text, kind=FaultKind.DEADLINE), begun=begun)


def interrupted(leased: Leased, on_interrupt: OnInterrupt) -> Outcome[Value]:
    """Return the outcome of a step that began and never ended, and is not to be run again by itself."""
    if on_interrupt is OnInterrupt.PARK:
        return Parked(WaitReason.INTERRUPTED)
    text = f"step {leased.message.topic!r} began and was interrupted; it is undone, not run again"
    return Faulted(Fault(type="Interrupted", message=text, kind=FaultKind.INTERRUPTED))


def judge(leased: Leased, rules: Rules, error: Exception, chance: float) -> Outcome[Value]:
    """Return what follows from an error: another attempt, as far as the policy goes, or the end of the step."""
    timed_out = isinstance(error, StepTimeout)
    if timed_out and rules.on_interrupt is OnInterrupt.PARK and leased.message.headers.direction is Direction.EXECUTE:
        return Parked(WaitReason.INTERRUPTED)  # how far it came nobody knows, as when its worker dies
    fault = describe(error, FaultKind.TIMEOUT if timed_out else FaultKind.ERROR)
    if timed_out:
        fault = fault.model_copy(update={"type": "TimeoutError"})
    if not rules.retry.retries(error):
        return Faulted(fault)
    delay = rules.retry.delay_after(leased.grant.attempt, chance=chance, retry_after=asked_delay(error))
    return Faulted(fault) if delay is None else Retrying(fault, delay)
