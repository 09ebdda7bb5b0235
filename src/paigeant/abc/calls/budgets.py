"""The contract of budgets: what may be spent, counted over all workers before it is spent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from paigeant.model.hops import LeaseToken
from paigeant.model.stored.reservations import BudgetView, Reservation, Reserved


class Budgets(ABC):
    """Keeps what was spent of budgets, and what is reserved for requests under way.

    What a checkpoint's charges come to is counted in the transaction that records them, with ``Recording.budgets``,
    and what was reserved under the key of that checkpoint is given back there.
    """

    @abstractmethod
    async def reserve(self, asked: Sequence[Reservation]) -> list[Reserved]:
        """Reserve room for each of these calls, one after the other: in all budgets that apply to it, or in none.

        In one transaction, under the lock of each budget: there is room if what was spent, what others have reserved
        and what is wanted come to no more than the cap. So requests made at the same moment never reserve more than
        that together. Of a call that has reserved already its new reservation takes the place of the old. What hops
        have reserved that are over, or were started afresh, does not count. Nothing is written, and ``alive`` is False,
        if the lease is not alive.
        """

    @abstractmethod
    async def release_reservation(self, held: LeaseToken, key: str) -> None:
        """Give back what a call has reserved under this lease; a repeat does nothing."""

    @abstractmethod
    async def list_budgets(self, *, limit: int = 1000) -> list[BudgetView]:
        """Return budgets that anything was reserved in, those first that changed last."""
