"""What steps say of their agents, held against what was registered."""

from __future__ import annotations

from collections.abc import Sequence

from paigeant.abc import Published
from paigeant.activities.registry import ActivityRegistry
from paigeant.model.entries.step import Step


async def refused_options(registry: ActivityRegistry, directory: Published, steps: Sequence[Step]) -> str | None:
    """Return the first step that says of its agent what it cannot, and why; None if each can.

    Of an activity that is not here it counts what its workers have published. Of one that nobody has published nothing
    is known: the worker that runs it will say.
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
