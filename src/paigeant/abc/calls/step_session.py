"""What a running step may ask of the worker that holds its lease; for agents and other adapters, not for users."""

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
from paigeant.model.stored.checkpoints import Charge

T = TypeVar("T")


class Call(NamedTuple):
    """A call within a step: the key of its checkpoint, what it asks for, what kind it is, and who makes it.

    A ``fingerprint`` is one word, or several ``label:digest`` with blanks between, so that it can be said what differs.
    ``title`` is what a person knows the call by; ``library`` the version of what makes it.
    """

    key: str
    fingerprint: str | None = None
    kind: str = "call"
    title: str | None = None
    library: str | None = None


class StepSession(Protocol):
    """A step's door to its lease, held privately by its context.

    What it records is written only while the lease is alive: a step that was taken over records nothing. There, and
    once the step is over, every method raises ``CancelledError``, which user code does not take for an error of the
    call. While the store is away the asynchronous methods wait, until the lease ends and the step with it. They may be
    awaited in the event loop of any thread.
    """

    @property
    def epoch(self) -> int:
        """How often the step was started afresh; what was recorded belongs to one epoch."""
        ...

    @property
    def models(self) -> ModelGate:
        """What is asked before a model is."""
        ...

    @property
    def plan(self) -> PlanAccess:
        """What is known of the way ahead."""
        ...

    @property
    def histories(self) -> HistoryAccess:
        """What agents of this run were told and have answered."""
        ...

    @property
    def identity(self) -> IdentityAccess:
        """For whom the step acts."""
        ...

    @property
    def alive(self) -> bool:
        """Whether the lease was not lost, as far as is known here."""
        ...

    def heartbeat(self, detail: Any = None) -> None:
        """Say that the step gets on and, as ``detail``, how far it is; from any thread. Raises ``ResultError``."""
        ...

    def count(self, name: str) -> int:
        """Return how often this execution has counted this name before: 0 at first."""
        ...

    async def load(self, name: str) -> JsonValue:
        """Return a variable of the run as JSON data, None if it was never set."""
        ...

    async def save(self, name: str, value: Any) -> None:
        """Set a variable of the run at the place of the hop; it is durable when this returns. Raises ``ResultError``.

        Later attempts, and what the step sets as it ends, write over it.
        """
        ...

    async def recall(self, call: Call) -> bytes | None:
        """Return the JSON text that this step recorded for the call, in whichever attempt; None if it did not.

        Raises ``Diverged`` if it was recorded with another fingerprint: the step asks for something else now.
        """
        ...

    async def record(self, call: Call, json: bytes, *, took: float = 0.0, charges: Sequence[Charge] = ()) -> bytes:
        """Record a JSON text for the call, with what it cost, in one transaction; return the one that counts.

        That is the first that was recorded: whoever comes second goes on with it, so that all attempts agree. Raises
        ``ResultError`` for a key or a text that is too long, and as :meth:`recall` for another fingerprint.
        """
        ...

    async def start_afresh(self) -> None:
        """Forget what the step has recorded: from now on it is in a new epoch, and its calls are made again."""
        ...

    async def run_in_thread(self, function: Callable[[], T]) -> T:
        """Return what the function returns, called in a thread that does not keep the process."""
        ...

    async def answers(self) -> Mapping[str, Answered]:
        """Return how the questions that this step has asked people stand, by their keys."""
        ...

    def outlast(self, call: asyncio.Task[Any], seconds: float) -> None:
        """Let a call under way come to its end, for so long at most, though the step is cut short: it is paid for.

        A call in an event loop other than the worker's ends with that loop.
        """
        ...

    def wait(self, outcome: Parked) -> NoReturn:
        """End the step's code here: the step comes to this outcome, whatever the code makes of what is raised."""
        ...
