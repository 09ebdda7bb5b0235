"""Refusals of providers that pass by themselves: too many requests, or too much to do."""

from __future__ import annotations

from typing import Final

from pydantic_ai.exceptions import (
    FallbackExceptionGroup,
    ModelHTTPError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelUnavailableError,
)

from paigeant.activities.faults import asked_delay

_FOR_THE_MOMENT: Final = frozenset({429, 503, 529})


class Refused(Exception):
    """The provider has refused; its model is not asked for ``left`` seconds."""

    def __init__(self, left: float) -> None:
        """Keep for how long."""
        super().__init__(f"not asked for {left:g} s")
        self.left = left


def is_refusal(error: BaseException) -> bool:
    """Tell whether the provider wants to be left alone for a while; of a fallback, whether all of them do."""
    match error:
        case FallbackExceptionGroup():
            return all(is_refusal(each) for each in error.exceptions)
        case ModelQuotaExceededError():
            return False  # it does not pass by itself
        case ModelRateLimitError() | ModelUnavailableError():
            return True
        case _:
            return isinstance(error, ModelHTTPError) and error.status_code in _FOR_THE_MOMENT


def delay_of(error: BaseException) -> float | None:
    """Return for how many seconds, if the provider says so; of a fallback, until one of them may be asked."""
    if isinstance(error, FallbackExceptionGroup):
        asked = [delay_of(each) for each in error.exceptions]
        return min((each for each in asked if each is not None), default=None)
    return asked_delay(error)
