"""Every error that Paigeant raises, as one tree.

::

    PaigeantError
    ├── ConfigError              a setting, a file or an installation is wrong
    │   ├── UnknownScheme        no plugin for a URL's scheme
    │   └── HandlersError        the handlers file cannot be loaded or serves nothing
    ├── RegistrationError        an activity or workflow is declared wrongly
    ├── RequestError             what was asked for cannot be done
    │   ├── UnknownWorkflow
    │   ├── UnknownStep
    │   ├── UnknownRun
    │   ├── UnknownVariable
    │   ├── UnknownLetter
    │   ├── UnknownApproval
    │   ├── UnknownWorker
    │   ├── InvalidInput         the input cannot bind, is not what is declared, is no JSON, or is too large
    │   ├── DispatchConflict     the dispatch key is taken by another input
    │   └── WrongState           the run's status does not allow it
    ├── RunFailed                a run ended otherwise than completed
    ├── ResultTimeout            the run was not final in time
    ├── Unavailable              the store or the broker does not answer
    ├── IdentityUnavailable      the identity provider does not answer
    ├── MessageRejected          bytes that are not a message of ours
    │   ├── TamperedMessage      a message that is not the one of its row, or what nobody signed
    │   │   ├── UnsignedRun
    │   │   ├── UnsignedDeed
    │   │   ├── RevokedKey
    │   │   └── ExpiredRun
    │   ├── UnknownKey           a signature of a key that is not trusted here
    │   └── UnreadableSecret     a secret that is sealed to other keys
    └── Terminal                 raised in an activity: do not retry
        ├── BudgetExceeded       a request to a model would cost more than a budget has left
        ├── IdentityRefused      a token is not what it should be, was denied, or is more than may be asked for
        │   └── GrantExpired     the token for which a run acts has run out
        ├── ArgumentError        an argument is missing or does not validate
        └── ResultError          a result cannot be validated, serialised, or is too large

Each has the data of its message as attributes. Commands and APIs decide how to present it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Never


class PaigeantError(Exception):
    """Root of the tree; ``str()`` of any of them is one or two plain lines for a person."""


class ConfigError(PaigeantError):
    """A setting, a file or the installation is wrong; the text names it and the valid values."""


class UnknownScheme(ConfigError):
    """No plugin is registered for a URL's scheme."""


class HandlersError(ConfigError):
    """The handlers file cannot be loaded, or contains nothing to serve."""


class RegistrationError(PaigeantError):
    """An activity, compensation or workflow is declared wrongly; the text names file and line."""


class RequestError(PaigeantError):
    """The request cannot be fulfilled; nothing was changed."""


class UnknownWorkflow(RequestError):
    """No such workflow, neither here nor published by a worker."""


class UnknownStep(RequestError):
    """A step that is neither served here nor was ever published by a worker."""


class UnknownRun(RequestError):
    """No run has this id."""


class UnknownVariable(RequestError):
    """The run has no variable of this name."""


class UnknownLetter(RequestError):
    """No dead letter has this id."""


class UnknownApproval(RequestError):
    """No approval has this id."""


class UnknownWorker(RequestError):
    """No living worker has this id."""


class InvalidInput(RequestError):
    """The input is not valid JSON, too large, too deep, not as declared, or cannot bind to the first step."""

    def __init__(self, message: str, *, index: int | None = None, reason: str | None = None) -> None:
        """Store the index of the input among several, from 0, and the text without it."""
        super().__init__(message)
        self.index = index
        self.reason: str = message if reason is None else reason


class DispatchConflict(RequestError):
    """The dispatch key belongs to a run with another input."""


class WrongState(RequestError):
    """The run's status does not allow the request."""


class RunFailed(PaigeantError):
    """The run ended with a status other than completed, so that it has no output."""

    def __init__(self, message: str, *, workflow_id: str, status: str, step: str | None = None) -> None:
        """Store the run's id and status, and the failed step, if any."""
        super().__init__(message)
        self.workflow_id = workflow_id
        self.status = status
        self.step = step


class ResultTimeout(PaigeantError, TimeoutError):
    """The run was not final in time; it goes on nevertheless."""


class Unavailable(PaigeantError):
    """The store or the broker does not answer; nothing is lost, try again."""


class IdentityUnavailable(PaigeantError):
    """The identity provider does not answer, or not now; try again."""


class MessageRejected(PaigeantError):
    """Bytes that are not a message of ours, or of another version; never executed, stored as a dead letter."""


class TamperedMessage(MessageRejected):
    """A hop differs from its row, or from its signature; never executed, held for a person.

    The text names the broken link, ``reason`` is the wait reason of the run.
    """

    reason: ClassVar[str] = "tampered"


class UnsignedRun(TamperedMessage):
    """A run that began unsigned, where signing is on: a person has to vouch for it."""

    reason: ClassVar[str] = "unsigned"


class UnsignedDeed(TamperedMessage):
    """A run was cancelled, resumed or changed, without a signed deed of a person."""


class RevokedKey(TamperedMessage):
    """A run depends on a signature by a key that was already invalid when it was stored."""

    reason: ClassVar[str] = "revoked"


class ExpiredRun(TamperedMessage):
    """A run is older than its dispatch permits: a person has to resume it."""

    reason: ClassVar[str] = "expired"


class UnknownKey(MessageRejected):
    """A signature by a key that is not trusted here; the hop is offered again, to workers that know ``kid``.

    ``again_in`` is the delay in seconds: short at first, since a key set may be about to be read again.
    """

    def __init__(self, text: str, kid: str, again_in: float = 60.0) -> None:
        super().__init__(text)
        self.kid = kid
        self.again_in = again_in


def reason_of(error: MessageRejected) -> str:
    """Return the wait reason of a run whose message was rejected."""
    return error.reason if isinstance(error, TamperedMessage) else "unreadable"


class UnreadableSecret(MessageRejected):
    """A secret of a step is sealed to other keys than this process has; the step is offered to other workers."""


class Terminal(PaigeantError):
    """Raise it in an activity if another attempt would fail the same way.

    The ``variables`` are set with it: compensations of earlier steps see them.
    """

    variables: Mapping[str, Any] = MappingProxyType[str, Any]({})

    def __init__(self, *args: object, variables: Mapping[str, Any] | None = None, **unknown: Never) -> None:
        """Store the text, and the variables to set. Raises ResultError for any other option."""
        for name in unknown:
            raise ResultError(f"{type(self).__name__} has no option {name!r}; there is: variables")
        super().__init__(*args)
        if variables is not None:
            self.variables = variables


class BudgetExceeded(Terminal):
    """A model request would exceed a budget; the text names the budget and the spent amount."""


class IdentityRefused(Terminal):
    """A token is invalid, was denied by the provider, or exceeds what the run may request."""


class GrantExpired(IdentityRefused):
    """The token on whose behalf a run acts has expired: a person has to sign in again."""


class ArgumentError(Terminal):
    """An argument of a step is missing or invalid; the text names it and the value."""


class ResultError(Terminal):
    """A step's result cannot be validated or serialised, or is too large; the text names step and type."""
