"""Contract of budgets: spending limits that hold over all workers, reserved before the money is spent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from paigeant.model.hops import LeaseToken
from paigeant.model.stored.reservations import BudgetView, Reservation, Reserved


class Budgets(ABC):
    """Stores the amount spent of each budget, and the reservations of requests in progress.

    The charges of a checkpoint are counted in the transaction that records them (``Recording.budgets``), which also
    releases the reservation under that checkpoint's key.
    """

    @abstractmethod
    async def reserve(self, asked: Sequence[Reservation]) -> list[Reserved]:
        """Reserve room for each of these calls, in order: in all budgets that apply to it, or in none.

        The call is one transaction under the lock of each budget. There is room if the amount spent, the reservations
        of others and the requested amount together do not exceed the cap, so that concurrent requests never reserve
        more than the cap. A new reservation of a call replaces its old one. Reservations of hops that are over, or were
        started afresh, do not count. If the lease is not alive, nothing is written and ``alive`` is False.
        """

    @abstractmethod
    async def release_reservation(self, held: LeaseToken, key: str) -> None:
        """Release the reservation of a call under this lease; a repeat does nothing."""

    @abstractmethod
    async def list_budgets(self, *, limit: int = 1000) -> list[BudgetView]:
        """Return the budgets that have had a reservation, the last changed first."""
