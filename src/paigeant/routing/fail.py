"""``fail``: decides what follows an error, of the step itself or of the engine."""

from __future__ import annotations

from typing import Final, NamedTuple

from paigeant.model.entries.step import OnInterrupt
from paigeant.model.hold import After, Person
from paigeant.model.hops import Grant, Leased
from paigeant.model.limits import LONGEST
from paigeant.model.outcomes import Fault, Faulted, FaultKind, Outcome, Parked, Retrying
from paigeant.model.runs import Direction, WaitReason
from paigeant.model.transition import Held, Transition
from paigeant.model.values.values import Value
from paigeant.routing.advance import advance
from paigeant.routing.rules import USUAL, Rules

LONGEST_DELAY: Final = LONGEST.total_seconds()
"""Limit of seconds until the next attempt."""


class Failure(NamedTuple):
    """Failed attempt: its error, also as data, and the ``retry_after`` of the error in seconds."""

    error: Exception
    fault: Fault
    retry_after: float | None = None


def fail(leased: Leased, rules: Rules, failure: Failure, chance: float) -> Outcome[Value]:
    """Return the outcome of an error: another attempt, within the policy, or the end of the step.

    ``chance`` (0 to 1) is the random draw for the jitter.
    """
    fault, forward = failure.fault, leased.message.headers.direction is Direction.EXECUTE
    if fault.kind is FaultKind.TIMEOUT and rules.on_interrupt is OnInterrupt.PARK and forward:
        return Parked(WaitReason.INTERRUPTED)  # its progress is unknown, as when its worker dies
    if not rules.retry.retries(failure.error):
        return Faulted(fault)
    delay = rules.retry.delay_after(leased.grant.attempt, chance=chance, retry_after=failure.retry_after)
    return Faulted(fault) if delay is None else Retrying(fault, min(delay, LONGEST_DELAY))


def give_up(leased: Leased, fault: Fault) -> Transition:
    """Return the transition of a step whose outcome cannot be used, without another attempt: it would be the same.

    Another attempt would come to the same: it is not run again.
    """
    return advance(leased, Faulted(fault))


def fail_internally(grant: Grant, rules: Rules | None, fault: Fault, *, begun: bool, chance: float) -> Transition:
    """Return the transition of an error that is not the step's: of the engine, a hook, a codec or a plugin.

    It counts as an attempt. Once none is left, or if the step has ``begun`` and must not be run twice, the step waits
    for a person: nothing is undone, since it is not the step's error.
    """
    policy, once = (rules.retry, rules.on_interrupt is not OnInterrupt.RERUN) if rules is not None else (USUAL, False)
    delay = None if begun and once else policy.delay_after(grant.attempt, chance=chance)
    return Transition(Held(Person(WaitReason.INTERNAL) if delay is None else After(min(delay, LONGEST_DELAY)), fault))
