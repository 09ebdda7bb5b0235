"""Reservations: the estimated cost of a request before it is made, and the room in budgets for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, field_serializer

from paigeant.model.hops import LeaseToken
from paigeant.model.spending.budgets import NOTHING, Amount, Budget, Cap, shown_amount
from paigeant.model.spending.costs import decimal_text
from paigeant.model.spending.money import cost_of


class Reservation(NamedTuple):
    """Request that is about to be made under a lease: its call's key, its budgets, and its estimated cost.

    ``raised`` are new caps from people, by the scope of a budget.
    """

    held: LeaseToken
    key: str
    budgets: Sequence[Budget]
    wants: Amount
    agent: str | None = None
    raised: Mapping[str, Cap] = {}


class Lacking(NamedTuple):
    """Budget without room: its scope, its present cap, the spent amount, and the reservations of others."""

    budget: Budget
    scope: str
    cap: Cap
    spent: Amount
    reserved: Amount

    @property
    def in_flight(self) -> bool:
        """True if reservations of others may still leave room: their real costs may be lower."""
        return self.reserved != NOTHING

    @property
    def question(self) -> str:
        """Key of the question to a person for a new cap: one question for each cap."""
        return f"budget {self.scope} of {self.cap.text}"

    @property
    def shown(self) -> dict[str, Any]:
        """Facts shown to the person who is asked for a new cap."""
        said = self.budget.said | {"budget": self.scope, "spent_tokens": self.spent.tokens}
        if self.cap.picos is not None:
            said["usd"] = decimal_text(cost_of(self.cap.picos))
            said["spent_usd"] = decimal_text(cost_of(self.spent.picos))
        return said if self.cap.tokens is None else said | {"tokens": self.cap.tokens}

    @property
    def text(self) -> str:
        """Description of the exhausted budget."""
        spent = shown_amount(
            None if self.cap.picos is None else self.spent.picos, None if self.cap.tokens is None else self.spent.tokens
        )
        return f"the budget of {self.cap.text} per {self.budget.per} has no room for the next request: {spent} spent"


class Reserved(NamedTuple):
    """Answer to a reservation: whether the lease was alive, and the budget without room, None if all have room."""

    alive: bool
    lacking: Lacking | None = None


class BudgetView(BaseModel, frozen=True):
    """Budget as it is shown: its scope, its present caps, the spent and the reserved amounts."""

    scope: str
    usd: Decimal | None = None
    tokens: int | None = None
    spent_usd: Decimal
    spent_tokens: int
    reserved_usd: Decimal = Decimal(0)
    reserved_tokens: int = 0

    @property
    def spent(self) -> tuple[Decimal | None, int | None]:
        """Spent amounts that the budget caps, in dollars and in tokens."""
        return self._capped(self.spent_usd, self.spent_tokens)

    @property
    def reserved(self) -> tuple[Decimal | None, int | None]:
        """Reserved amounts that the budget caps."""
        return self._capped(self.reserved_usd, self.reserved_tokens)

    def _capped(self, usd: Decimal, tokens: int) -> tuple[Decimal | None, int | None]:
        return None if self.usd is None else usd, None if self.tokens is None else tokens

    @field_serializer("usd", "spent_usd", "reserved_usd")
    def _text(self, usd: Decimal | None) -> str | None:
        return decimal_text(usd)

    @classmethod
    def of(cls, scope: str, cap: Cap, spent: Amount, reserved: Amount) -> Self:
        """Return the view of a stored budget."""
        return cls(
            scope=scope,
            usd=cost_of(cap.picos),
            tokens=cap.tokens,
            spent_usd=Decimal(cost_of(spent.picos) or 0),
            spent_tokens=spent.tokens,
            reserved_usd=Decimal(cost_of(reserved.picos) or 0),
            reserved_tokens=reserved.tokens,
        )
