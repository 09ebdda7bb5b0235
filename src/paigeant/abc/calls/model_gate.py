"""What a running step asks its worker before it asks a model; for agents and other adapters, not for users."""

from __future__ import annotations

from typing import NoReturn, Protocol


class ModelGate(Protocol):
    """The way to a model: closed while its provider has asked all workers of the namespace to leave it alone."""

    async def admit(self, model: str) -> None:
        """Return if the model may be asked; else the step ends here and waits, which is no attempt.

        What other workers have heard is known within a second. While the store is away, what is known counts.
        """
        ...

    async def note_refusal(self, model: str, seconds: float | None) -> float:
        """Leave the model alone for so long, everywhere; without ``seconds`` for 2 s, doubling to a minute.

        Returns for how many seconds.
        """
        ...

    def wait_for(self, model: str, seconds: float) -> NoReturn:
        """End the step's code here: it waits for so long and up to a tenth more, which is no attempt."""
        ...
