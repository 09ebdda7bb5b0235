"""Access of a running step to models: pauses and budgets; for agents and other adapters, not for users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn, Protocol

from paigeant.model.spending.budgets import Amount, Budget
from paigeant.model.spending.prices import Price


class ModelGate(Protocol):
    """Gate in front of a model: closed while all workers pause the model, or no budget has room."""

    @property
    def budgets(self) -> Sequence[Budget]:
        """The budgets that count the step's requests."""
        ...

    @property
    def prices(self) -> Mapping[str, Price]:
        """The agreed prices of all agents, by model name."""
        ...

    async def admit(self, model: str) -> None:
        """Return if the model may be called; else the step ends here and waits, which does not count as an attempt.

        A refusal that another worker received is known within a second. While the store is unavailable the last known
        state counts.
        """
        ...

    async def note_refusal(self, model: str, seconds: float | None) -> float:
        """Pause the model for all workers for this time; without ``seconds`` for 2 s, doubling to a minute.

        Returns the length of the pause in seconds.
        """
        ...

    def wait_for(self, model: str, seconds: float) -> NoReturn:
        """End the step's code here: it waits this long and up to a tenth more, which does not count as an attempt."""
        ...

    async def reserve(self, key: str, wants: Amount, agent: str | None = None) -> None:
        """Return when all budgets have room for a request, which is then reserved under the key of its call.

        If the remaining room is reserved by others this waits, for half a minute at most. After that, and if nothing is
        left, the step's code ends here. Raises ``BudgetExceeded`` if a budget demands that the step fails.
        """
        ...

    async def release(self, key: str) -> None:
        """Release the reservation of a call that did not take place."""
        ...
