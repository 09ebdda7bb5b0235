"""Room in budgets, distributed among concurrent calls one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from paigeant.model.spending.budgets import NOTHING, Amount, Budget, Cap
from paigeant.model.stored.reservations import Lacking
from paigeant.protocol.spending.budgets import BudgetState, lacking, opened

Call = TypeVar("Call")
"""Identity of a call: its key in its step, in the form that a store uses."""


class Wanted(NamedTuple, Generic[Call]):
    """A request that is about to be made: the budgets that apply, each with its scope, and its estimated amount."""

    call: Call
    lines: Sequence[tuple[Budget, str]]
    wants: Amount
    raised: Mapping[str, Cap]

    @property
    def scopes(self) -> Sequence[str]:
        """The budgets that apply, each once."""
        return list(dict.fromkeys(scope for _, scope in self.lines))


@dataclass(slots=True)
class Room(Generic[Call]):
    """Budgets under their locks: the stored state of each, and the reservations of all open calls.

    ``own`` are the present reservations of the calls that reserve now, by call and scope; they are part of
    ``reserved``.
    """

    states: dict[str, BudgetState]
    reserved: dict[str, Amount]
    own: dict[tuple[Call, str], Amount] = field(default_factory=dict[tuple[Call, str], Amount])

    def reserve(self, asked: Wanted[Call]) -> Lacking | None:
        """Reserve room in all budgets that apply, or in none; returns the first without room.

        A new reservation of a call replaces its old one.
        """
        self.states |= opened(asked.lines, self.states, asked.raised)
        others = {scope: self.others(asked.call, scope) for scope in asked.scopes}
        without = lacking(asked.lines, self.states, others, asked.wants)
        if without is None:
            for scope in asked.scopes:
                self.reserved[scope] = others[scope].plus(asked.wants)
                self.own[asked.call, scope] = asked.wants
        return without

    def others(self, call: Call, scope: str) -> Amount:
        """Return the reservations of other calls in a budget."""
        mine = self.own.get((call, scope), NOTHING)
        return self.reserved.get(scope, NOTHING).less(mine)
