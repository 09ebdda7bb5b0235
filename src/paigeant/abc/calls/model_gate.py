"""What a running step asks its worker before it asks a model; for agents and other adapters, not for users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn, Protocol

from paigeant.model.spending.budgets import Amount, Budget
from paigeant.model.spending.prices import Price


class ModelGate(Protocol):
    """The way to a model: closed while its provider is left alone by all workers, or no budget has room."""

    @property
    def budgets(self) -> Sequence[Budget]:
        """The budgets in which the step's requests count."""
        ...

    @property
    def prices(self) -> Mapping[str, Price]:
        """The prices that were agreed for all agents, by the names of models."""
        ...

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

    async def reserve(self, key: str, wants: Amount, agent: str | None = None) -> None:
        """Return when all budgets have room for a request, which is reserved then under the key of its call.

        While others have reserved what there is this waits for them, half a minute at most; then, and where nothing is
        left, the step's code ends here. Raises ``BudgetExceeded`` where a budget says that the step fails.
        """
        ...

    async def release(self, key: str) -> None:
        """Give back what a call has reserved that came to nothing."""
        ...
