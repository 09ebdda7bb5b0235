"""Errors of an agent's run: those that no retry can cure, and their texts."""

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
    ImportError,  # waiting does not install a provider's package
    UsageLimitExceeded,
    UnexpectedModelBehavior,
    ModelContextWindowExceededError,
    RunCancelled,
    # tools raise these for the model; outside of a run nobody can answer
    ModelRetry,
    ToolFailed,
    CallDeferred,
    ApprovalRequired,
)
_RECORDED: Final = (UsageLimitExceeded, UnexpectedModelBehavior)
"""Errors that follow from recorded answers."""

_WORTH_WAITING: Final = frozenset({408, 425, 429})
_REFUSED: Final = frozenset({401, 403})
_SHOWN: Final = 200
"""Limit of shown characters of a provider's answer."""


def hopeless(error: BaseException) -> bool:
    """True if another attempt would fail the same way.

    A retry is worthwhile after a temporary refusal, a broken connection, a timeout, and any error of the user's own
    tools; for a fallback model, if it is after one of its errors.
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


def shorten(error: BaseException) -> None:
    """Cut a provider's answer in an error, in place, also in the errors of a fallback: it may quote a prompt, or a key.

    The error of its client, whose text contains the whole answer, is dropped; so is the text about refused credentials.
    """
    if isinstance(error, FallbackExceptionGroup):
        for each in error.exceptions:
            shorten(each)
    elif isinstance(error, ModelHTTPError):
        refused = error.status_code in _REFUSED
        said = ": the credentials are refused" if refused else f", body: {_cut(str(error.body))}"
        error.message = error.message.replace(f", body: {error.body}", said)
        error.args, error.body = (error.message,), None
        error.__cause__, error.__context__, error.__suppress_context__ = None, None, True
    elif isinstance(error, UnexpectedModelBehavior) and error.body is not None:
        error.body = _cut(error.body)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def terminal(error: Exception, agent: str) -> Terminal:
    """Return the fault of a hopeless error: its type, the model's mistake, and its traceback."""
    reason = str(error)
    if isinstance(error, UnexpectedModelBehavior) and error.__cause__ is not None:
        reason = f"{reason}: {error.__cause__}"
    text = f"agent {agent!r}: {type(error).__name__}: {reason}".removesuffix(": ")
    if isinstance(error, UsageLimitExceeded):
        text += "; requests that are replayed from their records count too"
    if isinstance(error, _RECORDED):
        text += "; a retry finds the same answers: to have, and to pay for, new ones: paigeant retry ID --afresh"
    fault = Terminal(text)
    return fault.with_traceback(error.__traceback__)
