"""``admit``: decides whether a step may run under its lease."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from paigeant.model.entries.step import OnInterrupt
from paigeant.model.hops import Grant, Leased
from paigeant.model.message import PaigeantMessage
from paigeant.model.outcomes import Fault, Faulted, FaultKind, InterfaceMismatch, Outcome, Parked
from paigeant.model.runs import Direction, WaitReason
from paigeant.model.values.values import Value
from paigeant.routing.close import cancelled, deadline_passed
from paigeant.routing.rules import Rules

MISMATCH_BACKOFF: Final = timedelta(minutes=1)
"""Delay after which a step that this worker cannot run, or not read, is offered to any worker again."""


def admit(leased: Leased, rules: Rules, misfit: str | None = None) -> Outcome[Value] | None:
    """Return the outcome of a step that must not run, None if it may.

    ``misfit`` describes how the code here does not fit the interface at the step's dispatch. A run that is to be
    cancelled, or is past its deadline, ends, but its compensation does not.
    """
    grant, forward = leased.grant, leased.message.headers.direction is Direction.EXECUTE
    if forward and grant.cancel is not None:
        return cancelled(grant.cancel, begun=has_begun(grant))
    if forward and grant.remaining is not None and grant.remaining <= 0:
        return deadline_passed(leased, begun=has_begun(grant))
    if grant.interrupted and rules.on_interrupt is not OnInterrupt.RERUN:
        return interrupted(leased, rules)
    if grant.attempt > rules.retry.max_attempts:
        return _out_of_attempts(grant, rules)
    return None if misfit is None else _mismatch(leased, misfit)


def has_begun(grant: Grant) -> bool:
    """True if the step's code may have run under an earlier lease."""
    return grant.interrupted or grant.attempt > 1


def interrupted(leased: Leased, rules: Rules) -> Outcome[Value]:
    """Return the outcome of a step that was interrupted, and is not to be run again automatically."""
    if rules.on_interrupt is OnInterrupt.PARK:
        return Parked(WaitReason.INTERRUPTED)
    text = f"step {leased.message.topic!r} began and was interrupted; it is undone, not run again"
    return Faulted(Fault(type="Interrupted", message=text, kind=FaultKind.INTERRUPTED))


def stop(leased: Leased, rules: Rules | None, *, begun: bool) -> Outcome[Value] | None:
    """Return the outcome of a step whose worker stops, None if it is released for another worker.

    A step that has ``begun`` and must not be run again is interrupted; one that must not be run at all ends as usual.
    """
    if rules is None:
        return None
    if not begun:
        return admit(leased, rules)
    return None if rules.on_interrupt is OnInterrupt.RERUN else interrupted(leased, rules)


def _out_of_attempts(grant: Grant, rules: Rules) -> Faulted:
    text = (
        f"the worker died, or lost its lease, in attempt {grant.attempt - 1}; "
        f"max_attempts is {rules.retry.max_attempts}, so that none is left"
    )
    return Faulted(Fault(type="Interrupted", message=text, kind=FaultKind.INTERRUPTED))


def _mismatch(leased: Leased, misfit: str) -> InterfaceMismatch:
    step = leased.message.topic
    reason = f"{step!r} has changed since the run was dispatched: {misfit}"
    return InterfaceMismatch(reason, dispatched_against(leased.message) or "")


def dispatched_against(message: PaigeantMessage) -> str | None:
    """Return the interface at the dispatch of a message's step, None if unknown, or during compensation."""
    forward = message.headers.direction is Direction.EXECUTE
    return message.routing_slip.itinerary.step.interface if forward else None


def no_compensator(leased: Leased) -> Parked:
    """Hold a step that has no compensation here any more: another worker may still have it."""
    text = f"contract: activity {leased.message.topic!r} has no compensation here, though it had one when it ran"
    return Parked(text, MISMATCH_BACKOFF)
