"""Limit of the number of a run's variables, checked when a step sets one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from paigeant.errors import ResultError
from paigeant.model.hops import Leased
from paigeant.model.limits import VARIABLES


class VariableNames:
    """Names of a run's variables. The limit bounds endless retries that set other names in each attempt."""

    def __init__(self, leased: Leased, load: Callable[[], Awaitable[Iterable[str]]]) -> None:
        """Call ``load`` for the existing names when they are first needed."""
        self._step = leased.message.topic
        self._load = load
        # Under its first lease a step counts only its own, which saves a question: the run's steps are bounded.
        self._known: set[str] | None = set() if leased.grant.fence == 1 else None

    async def require_room(self, name: str) -> None:
        """Raise ResultError if the run has too many variables to add this name."""
        if self._known is None:
            self._known = set(await self._load())
        if name not in self._known and len(self._known) >= VARIABLES:
            cure = "give a variable the same name in each attempt, or keep them in one variable"
            text = f"sets {name!r}, but its run has {VARIABLES:,} variables, and may have none more: {cure}"
            raise ResultError(f"step {self._step!r} {text}")
        self._known.add(name)
