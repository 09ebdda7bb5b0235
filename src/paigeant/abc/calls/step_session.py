"""Access of a running step to the worker that holds its lease; for agents and other adapters, not for users."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, Protocol, TypeVar

from pydantic import JsonValue

from paigeant.abc.calls.history_access import HistoryAccess
from paigeant.abc.calls.model_gate import ModelGate
from paigeant.abc.calls.plan_access import PlanAccess
from paigeant.abc.secrecy.identities import IdentityAccess
from paigeant.model.outcomes import Parked
from paigeant.model.people.approvals import Answered
from paigeant.model.spending.charges import Charge

T = TypeVar("T")


class Call(NamedTuple):
    """A call within a step: the key of its checkpoint, the fingerprint of its request, its kind, title and library.

    A ``fingerprint`` is one word, or several ``label:digest`` separated by blanks, so that an error can name what
    differs. ``title`` is the name shown to people; ``library`` is the version of the library that makes the call. The
    result of a call whose ``name`` is a secret's is recorded sealed.
    """

    key: str
    fingerprint: str | None = None
    kind: str = "call"
    title: str | None = None
    library: str | None = None
    name: str | None = None

    @property
    def label(self) -> str:
        """Text that names the call in an error."""
        return self.title or f"checkpoint {self.key[:40]!r}"


class StepSession(Protocol):
    """A step's access to its lease, held privately by its context.

    It writes only while the lease is alive: a step whose lease was taken over records nothing. In that case, and once
    the step is over, every method raises ``CancelledError``, which user code does not mistake for an error of the call.
    While the store is unavailable the asynchronous methods wait, until the lease ends and the step with it. They may be
    awaited in the event loop of any thread.
    """

    @property
    def epoch(self) -> int:
        """Number of times the step was started afresh; each recording belongs to one epoch."""
        ...

    @property
    def models(self) -> ModelGate:
        """Pauses and budgets of models, checked before each request."""
        ...

    @property
    def plan(self) -> PlanAccess:
        """Policy and cards for changes of the remaining itinerary."""
        ...

    @property
    def histories(self) -> HistoryAccess:
        """Histories of the agents of this run."""
        ...

    @property
    def identity(self) -> IdentityAccess:
        """Identity on whose behalf the step acts."""
        ...

    @property
    def alive(self) -> bool:
        """False once the lease is known to be lost."""
        ...

    def heartbeat(self, detail: Any = None) -> None:
        """Report progress, with an optional ``detail``; from any thread. Raises ``ResultError``."""
        ...

    def count(self, name: str) -> int:
        """Return how often this execution has counted this name before: 0 at first."""
        ...

    async def load(self, name: str) -> JsonValue:
        """Return a variable of the run as JSON data, None if it was never set."""
        ...

    async def save(self, name: str, value: Any) -> None:
        """Set a variable of the run at the place of the hop; durable when this returns. Raises ``ResultError``.

        Later attempts, and the variables that the step sets at its end, overwrite it.
        """
        ...

    async def recall(self, call: Call) -> bytes | None:
        """Return the JSON text that any attempt of this step recorded for the call; None if there is none.

        Raises ``Diverged`` if it was recorded with another fingerprint: the step now makes a different request.
        """
        ...

    async def record(self, call: Call, json: bytes, *, took: float = 0.0, charges: Sequence[Charge] = ()) -> bytes:
        """Record a JSON text for the call, and its charges, in one transaction; returns the text that counts.

        The text recorded first counts: a later caller continues with that one, so that all attempts agree. Raises
        ``ResultError`` for a key or a text that is too long, and ``Diverged`` as :meth:`recall` for another
        fingerprint.
        """
        ...

    async def start_afresh(self) -> None:
        """Begin a new epoch of the step: its recorded results are not found any more, and its calls are made again."""
        ...

    async def run_in_thread(self, function: Callable[[], T]) -> T:
        """Call the function in a thread and return its result; the thread does not keep the process alive."""
        ...

    async def answers(self) -> Mapping[str, Answered]:
        """Return the state of each question that this step has asked people, by its key."""
        ...

    def outlast(self, call: asyncio.Task[Any], seconds: float) -> None:
        """Let a paid call in progress finish although the step is cancelled, within this many seconds.

        A call in an event loop other than the worker's ends with that loop.
        """
        ...

    def wait(self, outcome: Parked) -> NoReturn:
        """End the step's code here with this outcome, whatever the code does with the exception that is raised."""
        ...
