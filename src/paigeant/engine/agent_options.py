"""Check of steps' agent options against the registration or the published card of the agent."""

from __future__ import annotations

from collections.abc import Sequence

from paigeant.abc import Published
from paigeant.activities.registry import ActivityRegistry
from paigeant.model.entries.step import Step


async def refused_options(registry: ActivityRegistry, directory: Published, steps: Sequence[Step]) -> str | None:
    """Return the reason to refuse the first step with unsupported agent options; None if all are supported.

    For an activity that is not registered here its published card counts. Without a card nothing is checked: the worker
    that runs the step will refuse it.
    """
    asking = [step for step in steps if step.agent is not None]
    foreign = {step.activity for step in asking if step.activity not in registry}
    cards = await directory.find_cards(foreign) if foreign else {}
    for step in asking:
        if step.activity in registry:
            why = registry[step.activity].refusal(step)
        else:
            why = cards[step.activity].refusal(step) if step.activity in cards else None
        if why is not None:
            return f"step {step.activity!r}: {why}"
    return None
