"""Temporary refusals of providers: rate limits and overload."""

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
    """The provider has refused; its model is paused for ``left`` seconds."""

    def __init__(self, left: float) -> None:
        """Store the number of seconds."""
        super().__init__(f"not asked for {left:g} s")
        self.left = left


def is_refusal(error: BaseException) -> bool:
    """True if the provider demands a pause; for a fallback model, if all of them do."""
    match error:
        case FallbackExceptionGroup():
            return all(is_refusal(each) for each in error.exceptions)
        case ModelQuotaExceededError():
            return False  # it is not temporary
        case ModelRateLimitError() | ModelUnavailableError():
            return True
        case _:
            return isinstance(error, ModelHTTPError) and error.status_code in _FOR_THE_MOMENT


def delay_of(error: BaseException) -> float | None:
    """Return the number of seconds, if the provider gives one; for a fallback model, the shortest."""
    if isinstance(error, FallbackExceptionGroup):
        asked = [delay_of(each) for each in error.exceptions]
        return min((each for each in asked if each is not None), default=None)
    return asked_delay(error)
