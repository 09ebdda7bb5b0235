"""Errors of an agent's run: which of them no second attempt can cure, and what is said about those."""

from __future__ import annotations

from typing import Final

from pydantic_ai.exceptions import (
    ApprovalRequired,
    CallDeferred,
    FallbackExceptionGroup,
    ModelAPIError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelRateLimitError,
    ModelRetry,
    ModelServerError,
    ModelUnavailableError,
    RunCancelled,
    RunTimedOut,
    ToolFailed,
    UnexpectedModelBehavior,
    UsageLimitExceeded,
    UserError,
)

from paigeant.errors import Terminal

_HOPELESS: Final = (
    UserError,
    ImportError,  # no provider's package is installed by waiting
    UsageLimitExceeded,
    UnexpectedModelBehavior,
    ModelContextWindowExceededError,
    RunCancelled,
    # said by tools to the model; out here nobody can answer
    ModelRetry,
    ToolFailed,
    CallDeferred,
    ApprovalRequired,
)
_RECORDED: Final = (UsageLimitExceeded, UnexpectedModelBehavior)
"""What follows from answers that are recorded."""

_WORTH_WAITING: Final = frozenset({408, 425, 429})
_REFUSED: Final = frozenset({401, 403})


def hopeless(error: BaseException) -> bool:
    """Tell whether another attempt would fail the same way.

    One is worth while after what the provider says will pass, a broken connection, a time-out, and whatever the user's
    own tools raise; after the errors of a fallback, if it is after one of them.
    """
    match error:
        case FallbackExceptionGroup():
            return all(hopeless(each) for each in error.exceptions)
        case ModelAPIError() if error.retry_after is not None:
            return False
        case RunTimedOut() | ModelRateLimitError() | ModelUnavailableError() | ModelServerError():
            return False
        case ModelHTTPError():
            return 400 <= error.status_code < 500 and error.status_code not in _WORTH_WAITING  # noqa: PLR2004
        case _:
            return isinstance(error, _HOPELESS)


def terminal(error: Exception, agent: str) -> Terminal:
    """Return the fault of a hopeless error, with its type and what the model did wrong in the text, and its traceback.

    What a provider says about refused credentials may quote them, and stays out.
    """
    reason = str(error)
    if isinstance(error, UnexpectedModelBehavior) and error.__cause__ is not None:
        reason = f"{reason}: {error.__cause__}"
    if isinstance(error, ModelHTTPError) and error.status_code in _REFUSED:
        reason = f"status_code: {error.status_code}, model_name: {error.model_name}: the credentials are refused"
    text = f"agent {agent!r}: {type(error).__name__}: {reason}".removesuffix(": ")
    if isinstance(error, UsageLimitExceeded):
        text += "; requests that are replayed from their records count too"
    if isinstance(error, _RECORDED):
        text += "; a retry finds the same answers: to have, and to pay for, new ones: paigeant retry ID --afresh"
    fault = Terminal(text)
    return fault.with_traceback(error.__traceback__)
