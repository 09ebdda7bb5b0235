"""Failures: what an error that ended an attempt says, as data."""

from __future__ import annotations

from paigeant.activities.faults import asked_delay, describe
from paigeant.model.outcomes import FaultKind
from paigeant.routing import Failure


class StepTimeout(TimeoutError):
    """The step's own timeout or heartbeat_timeout came, not one that its code raised."""


def failure_of(error: Exception) -> Failure:
    """Return the failure that an error is. Whatever its attributes do, it is that error."""
    if not isinstance(error, StepTimeout):
        return Failure(error, describe(error), asked_delay(error))
    fault = describe(error, FaultKind.TIMEOUT).model_copy(update={"type": "TimeoutError"})
    return Failure(error, fault, asked_delay(error))
