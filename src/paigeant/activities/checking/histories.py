"""Check of an agent's ``history``: the step whose conversation it continues."""

from __future__ import annotations

from collections.abc import Sequence

from paigeant.activities.checking.effects import effects_of
from paigeant.activities.registry import ActivityRegistry
from paigeant.model.entries.step import Step
from paigeant.model.values.showing import did_you_mean


def refused_history(steps: Sequence[Step], registry: ActivityRegistry) -> str | None:
    """Return the first step of a workflow that cannot find the history it continues, and why; None if all may."""
    for step in steps:
        if (why := history_flaw(step, steps, registry)) is not None:
            return f"step {step.label!r}: {why}"
    return None


def history_flaw(step: Step, steps: Sequence[Step], registry: ActivityRegistry) -> str | None:
    """Return the reason why a step's agent cannot find the history it continues; None if it may, or needs none.

    Of an agent that is not registered here nothing is known. A step that is not in the workflow may be added by a
    revision.
    """
    agent = registry[step.activity].agent if step.activity in registry else None
    wanted = None if agent is None else agent.rules.history
    if wanted is None:
        return None
    what = f"it goes on from the history of {wanted!r}"
    before = steps[: next(index for index, each in enumerate(steps) if each is step)]
    named = {each.activity for each in before if _is_called(each, wanted)}
    if not named:
        return _missing(what, wanted, before, steps, registry)
    known = [registry[name] for name in sorted(named) if name in registry]
    if len(known) < len(named) or any(each.agent is not None and each.agent.rules.keep_history for each in known):
        return None
    if any(each.agent is not None for each in known):
        return f"{what}, which keeps none: it was registered with keep_history=False"
    return f"{what}, which is no agent"


def _is_called(step: Step, name: str) -> bool:
    return name in {step.activity, step.name}


def _missing(
    what: str, wanted: str, before: Sequence[Step], steps: Sequence[Step], registry: ActivityRegistry
) -> str | None:
    """Return the reason why no step can write the history; None if a step before may add one that does."""
    if not before:
        return f"{what}, and nothing comes before it"
    if any(_may_add(each, registry) for each in before):
        return None
    if any(_is_called(each, wanted) for each in steps):
        return f"{what}, which does not come before it"
    names = tuple(dict.fromkeys(each.label for each in before))
    return f"{what}, and no step before it is called that; {did_you_mean(wanted, names)}"


def _may_add(step: Step, registry: ActivityRegistry) -> bool:
    """Tell whether a step may add steps to the run, as far as is known here."""
    if step.activity not in registry:
        return True
    activity = registry[step.activity]
    return activity.agent.rules.can_revise is not None if activity.agent is not None else effects_of(activity).open
