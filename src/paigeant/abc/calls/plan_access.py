"""What a running step may know of the way ahead of it; for agents and other adapters, not for users."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from paigeant.model.entries.agent_options import AgentOptions
from paigeant.model.plan import ActivityCard
from paigeant.model.revision import SlipPolicy


class PlanAccess(Protocol):
    """The policy under which a step may change the way ahead, and what is known of the activities that it may add."""

    @property
    def policy(self) -> SlipPolicy | None:
        """The policy that travels with the run; None if neither its workflow nor its dispatch has one."""
        ...

    @property
    def options(self) -> AgentOptions | None:
        """What the step says of its agent; None if it says nothing."""
        ...

    async def cards(self, activities: Collection[str]) -> Mapping[str, ActivityCard]:
        """Return what workers have published of these activities, as far as any has."""
        ...
