"""Check of an agent's ``history``: the step whose conversation it continues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from paigeant.activities.checking.effects import effects_of
from paigeant.activities.declared.rules import AgentRules
from paigeant.activities.registry import ActivityRegistry
from paigeant.model.entries.step import Step
from paigeant.model.plan import ActivityCard, AgentCard
from paigeant.model.values.showing import did_you_mean


@dataclass(frozen=True, slots=True)
class Histories:
    """Message histories that the steps of a workflow continue and leave.

    What agents do with them is known of those registered here, and of others by their published ``cards``. A step that
    is not in the workflow may be added by a revision.
    """

    steps: Sequence[Step]
    registry: ActivityRegistry
    cards: Mapping[str, ActivityCard] = field(default_factory=dict[str, ActivityCard])

    def refused(self) -> str | None:
        """Return the first step that cannot find the history it continues, and why; None if all may."""
        for step in self.steps:
            if (why := self.flaw(step)) is not None:
                return f"step {step.label!r}: {why}"
        return None

    def flaw(self, step: Step) -> str | None:
        """Return the reason why a step's agent cannot find the history it continues; None if it may, or needs none."""
        agent = self._agent(step.activity)
        if agent is None or agent.history is None:
            return None
        wanted, what = agent.history, f"it goes on from the history of {agent.history!r}"
        before = self.steps[: next(index for index, each in enumerate(self.steps) if each is step)]
        named = {each.activity for each in before if _is_called(each, wanted)}
        if not named:
            return self._missing(what, wanted, before)
        agents = [self._agent(name) for name in sorted(named)]
        if not all(map(self._is_known, named)) or any(each is not None and each.keep_history for each in agents):
            return None
        if any(agents):
            return f"{what}, which keeps none: it was registered with keep_history=False"
        return f"{what}, which is no agent"

    def _missing(self, what: str, wanted: str, before: Sequence[Step]) -> str | None:
        """Return the reason why no step can write the history; None if a step before may add one that does."""
        if not before:
            return f"{what}, and nothing comes before it"
        if any(map(self._may_add, before)):
            return None
        if any(_is_called(each, wanted) for each in self.steps):
            return f"{what}, which does not come before it"
        names = tuple(dict.fromkeys(each.label for each in before))
        return f"{what}, and no step before it is called that; {did_you_mean(wanted, names)}"

    def _agent(self, activity: str) -> AgentRules | AgentCard | None:
        """Return the facts about an agent; None for a function, and for an unknown activity."""
        if activity in self.registry:
            agent = self.registry[activity].agent
            return None if agent is None else agent.rules
        return self.cards[activity].agent if activity in self.cards else None

    def _is_known(self, activity: str) -> bool:
        return activity in self.registry or activity in self.cards

    def _may_add(self, step: Step) -> bool:
        """Tell whether a step may add steps to the run, as far as is known here."""
        if step.activity not in self.registry:
            return True
        activity = self.registry[step.activity]
        return activity.agent.rules.can_revise is not None if activity.agent is not None else effects_of(activity).open


def _is_called(step: Step, name: str) -> bool:
    return name in {step.activity, step.name}
