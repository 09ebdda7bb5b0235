"""Check of an agent's ``history``: the step whose conversation it continues."""

from __future__ import annotations

from collections.abc import Sequence

from paigeant.activities.handlers import Activity
from paigeant.activities.registry import ActivityRegistry
from paigeant.model.entries.step import Step


def history_flaw(activity: Activity, position: int, steps: Sequence[Step], registry: ActivityRegistry) -> str | None:
    """Return the reason why an agent cannot find the history it continues; None if it may, or needs none.

    A step that is not in the plan may be added by a revision.
    """
    wanted = None if activity.agent is None else activity.agent.rules.history
    if wanted is None:
        return None
    what = f"it goes on from the history of {wanted!r}"
    if position == 1:
        return f"{what}, and nothing comes before it"
    named = {step.activity for step in steps if wanted in {step.activity, step.name}} or {wanted}
    known = [registry[name] for name in sorted(named) if name in registry]
    if len(known) < len(named) or any(each.agent is not None and each.agent.rules.keep_history for each in known):
        return None
    if any(each.agent is not None for each in known):
        return f"{what}, which keeps none: it was registered with keep_history=False"
    return f"{what}, which is no agent"
