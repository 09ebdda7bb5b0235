"""Access of a running step to its itinerary policy; for agents and other adapters, not for users."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from paigeant.model.entries.agent_options import AgentOptions
from paigeant.model.plan import ActivityCard
from paigeant.model.revision import SlipPolicy


class PlanAccess(Protocol):
    """Policy for changes of the remaining itinerary, and the published cards of activities that may be added."""

    @property
    def policy(self) -> SlipPolicy | None:
        """The policy that travels with the run; None if neither its workflow nor its dispatch has one."""
        ...

    @property
    def options(self) -> AgentOptions | None:
        """Agent options of the step's entry in the plan; None if it has none."""
        ...

    async def cards(self, activities: Collection[str]) -> Mapping[str, ActivityCard]:
        """Return the published cards of these activities, by name; those never published are left out."""
        ...
