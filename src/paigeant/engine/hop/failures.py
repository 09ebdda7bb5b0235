"""Failures: the error that ended an attempt, as data."""

from __future__ import annotations

from paigeant.activities.faults import asked_delay, describe
from paigeant.model.outcomes import FaultKind
from paigeant.routing.fail import Failure


class StepTimeout(TimeoutError):
    """The step's own timeout or heartbeat_timeout expired; not a TimeoutError raised by its code."""


def failure_of(error: Exception) -> Failure:
    """Return the failure of an error. Attributes of the error that raise do not matter."""
    if not isinstance(error, StepTimeout):
        return Failure(error, describe(error), asked_delay(error))
    fault = describe(error, FaultKind.TIMEOUT).model_copy(update={"type": "TimeoutError"})
    return Failure(error, fault, asked_delay(error))
