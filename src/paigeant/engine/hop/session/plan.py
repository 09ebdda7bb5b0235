"""Policy and published cards for a step that revises its itinerary."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

from paigeant.abc import PlanAccess, Store
from paigeant.model.entries.agent_options import AgentOptions
from paigeant.model.entries.step import Step
from paigeant.model.hops import Leased
from paigeant.model.plan import ActivityCard
from paigeant.model.revision import SlipPolicy

T = TypeVar("T")


class _Step(Protocol):
    """Session methods that this uses."""

    async def here(self, asked: Coroutine[Any, Any, T]) -> T:
        """Await it in the worker's event loop."""
        ...

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Repeat it while the store is unavailable."""
        ...


class LeasedPlan(PlanAccess):
    """Plan access of one execution."""

    def __init__(self, store: Store, leased: Leased, step: _Step) -> None:
        """Read published cards from ``store``."""
        self._store = store
        self._leased = leased
        self._step = step

    @property
    def policy(self) -> SlipPolicy | None:
        """The policy that travels with the run."""
        return self._leased.message.routing_slip.policy

    @property
    def options(self) -> AgentOptions | None:
        """Agent options of the step."""
        step = self._leased.message.routing_slip.next_step()
        return step.agent if isinstance(step, Step) else None

    async def cards(self, activities: Collection[str]) -> Mapping[str, ActivityCard]:
        """Return the published cards."""
        return await self._step.here(self._step.patiently(lambda: self._store.find_cards(activities)))
