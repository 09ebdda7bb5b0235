"""What a running step may ask of the worker that holds its lease; for agents and other adapters, not for users."""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import JsonValue

from paigeant.model.stored.checkpoints import Charge


class StepSession(Protocol):
    """A step's door to its lease, held privately by its context.

    What it records is written only while the lease is alive: a step that was taken over records nothing. There, and
    once the step is over, every method raises ``CancelledError``, which user code does not take for an error of the
    call. While the store is away the asynchronous methods wait, until the lease ends and the step with it.
    """

    def heartbeat(self, detail: Any = None) -> None:
        """Say that the step gets on and, as ``detail``, how far it is; from any thread. Raises ``ResultError``."""
        ...

    async def load(self, name: str) -> JsonValue:
        """Return a variable of the run as JSON data, None if it was never set."""
        ...

    async def save(self, name: str, value: Any) -> None:
        """Set a variable of the run at the place of the hop; it is durable when this returns. Raises ``ResultError``.

        Later attempts, and what the step sets as it ends, write over it.
        """
        ...

    async def recall(self, key: str, fingerprint: str | None = None) -> bytes | None:
        """Return the JSON text that this step recorded under ``key``, in whichever attempt; None if it did not.

        Raises ``ResultError`` if it was recorded with another fingerprint: the step asks for something else now.
        """
        ...

    async def checkpoint(
        self, key: str, json: bytes, *, fingerprint: str | None = None, charge: Charge | None = None
    ) -> bytes:
        """Record a JSON text under ``key``, with what it cost, in one transaction; return the one that counts.

        That is the first that was recorded: whoever comes second goes on with it, so that all attempts agree. Raises
        ``ResultError`` for a key or a text that is too long, and as :meth:`recall` for another fingerprint.
        """
        ...

    async def charge(self, charge: Charge) -> None:
        """Record what a request cost that leaves no checkpoint. A repeat of its key is counted once."""
        ...
