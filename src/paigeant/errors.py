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

Each carries the data of its message as attributes. What a command or an API makes of one is for them to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar


class PaigeantError(Exception):
    """The root of the tree; ``str()`` of any of them is one or two plain lines for a person."""


class ConfigError(PaigeantError):
    """A setting, a file or the installation is wrong; the text names it and the values allowed."""


class UnknownScheme(ConfigError):
    """No plugin answers to a URL's scheme."""


class HandlersError(ConfigError):
    """The handlers file cannot be loaded, or holds nothing to serve."""


class RegistrationError(PaigeantError):
    """An activity, compensation or workflow is declared wrongly; the text names file and line."""


class RequestError(PaigeantError):
    """What was asked for cannot be done; nothing was changed."""


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
    """No worker that is up has this id."""


class InvalidInput(RequestError):
    """The input is no JSON, too large, too deep, not what the workflow declares, or cannot bind to the first step."""

    def __init__(self, message: str, *, index: int | None = None, reason: str | None = None) -> None:
        """Keep which of several inputs it is, counted from 0, and the text without that."""
        super().__init__(message)
        self.index = index
        self.reason: str = message if reason is None else reason


class DispatchConflict(RequestError):
    """The dispatch key belongs to a run with another input."""


class WrongState(RequestError):
    """The run's status does not allow what was asked."""


class RunFailed(PaigeantError):
    """The run ended otherwise than completed, so that it has no output."""

    def __init__(self, message: str, *, workflow_id: str, status: str, step: str | None = None) -> None:
        """Keep the run's id and status, and the step that failed, if one did."""
        super().__init__(message)
        self.workflow_id = workflow_id
        self.status = status
        self.step = step


class ResultTimeout(PaigeantError, TimeoutError):
    """The run was not final in time; it goes on all the same."""


class Unavailable(PaigeantError):
    """The store or the broker does not answer; nothing is lost, try again."""


class IdentityUnavailable(PaigeantError):
    """The identity provider does not answer, or not now; try again."""


class MessageRejected(PaigeantError):
    """Bytes that are not a message of ours, or not of this version; never executed, kept as dead letter."""


class TamperedMessage(MessageRejected):
    """A hop is not what its row says, or what was signed; never executed, held for a person to look at.

    The text names the link that is broken, ``reason`` what the run waits for.
    """

    reason: ClassVar[str] = "tampered"


class UnsignedRun(TamperedMessage):
    """A run that began unsigned, where signing is on: a person has to vouch for it."""

    reason: ClassVar[str] = "unsigned"


class UnsignedDeed(TamperedMessage):
    """Somebody is said to have cancelled or resumed a run, or to have set something of it, and nobody has signed it."""


class RevokedKey(TamperedMessage):
    """A run rests on what was signed with a key that did not count any more when it was stored."""

    reason: ClassVar[str] = "revoked"


class ExpiredRun(TamperedMessage):
    """A run is older than its dispatcher has allowed: a person has to send it on its way."""

    reason: ClassVar[str] = "expired"


class UnknownKey(MessageRejected):
    """What is signed is signed by a key that is not trusted here; offered again, to whoever knows ``kid``.

    So many seconds later, ``again_in``: soon at first, for a key set may be about to be read again.
    """

    def __init__(self, text: str, kid: str, again_in: float = 60.0) -> None:
        super().__init__(text)
        self.kid = kid
        self.again_in = again_in


def reason_of(error: MessageRejected) -> str:
    """Return what a run waits for whose message was rejected."""
    return error.reason if isinstance(error, TamperedMessage) else "unreadable"


class UnreadableSecret(MessageRejected):
    """A secret of a step is sealed to other keys than this process has; offered again, to whoever may have one."""


class Terminal(PaigeantError):
    """Raise it in an activity to say that another attempt would fail the same way.

    The ``variables`` are set with it: what undoes the steps before sees them.
    """

    variables: Mapping[str, Any] = MappingProxyType[str, Any]({})

    def __init__(self, *args: object, variables: Mapping[str, Any] | None = None) -> None:
        """Keep the text, and what is to be set."""
        super().__init__(*args)
        if variables is not None:
            self.variables = variables


class BudgetExceeded(Terminal):
    """A request to a model would cost more than a budget has left; the text names the budget and what was spent."""


class IdentityRefused(Terminal):
    """A token is not what it should be, was denied by the provider, or is more than the run may ask for."""


class GrantExpired(IdentityRefused):
    """The token for which a run acts has run out: a person has to sign in again."""


class ArgumentError(Terminal):
    """An argument of a step is missing or does not validate; the text names it and what there was."""


class ResultError(Terminal):
    """A step's result cannot be validated or serialised, or is too large; the text names step and type."""
