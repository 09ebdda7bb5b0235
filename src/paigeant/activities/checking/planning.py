"""Check of an agent that plans: the policy of its workflow, and the activities that it may add."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from paigeant.activities.checking.names import listed, near
from paigeant.activities.handlers import Activity
from paigeant.activities.registry import ActivityRegistry
from paigeant.model.plan import Plan


def may_add(plan: Plan, registry: ActivityRegistry) -> frozenset[str]:
    """Return the activities that agents of this workflow may add to it."""
    planners = (registry[step.activity] for step in plan.steps if step.activity in registry)
    return frozenset(name for each in planners for name in _allowed(each))


def planning_flaws(
    activity: Activity, plan: Plan, registry: ActivityRegistry, cards: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Return flaws that make a planner fail as it begins, as rules and reasons; ``cards`` are activities elsewhere."""
    own = _allowed(activity)
    if not own:
        return
    if plan.revision is None:
        text = "its agent may change the plan (can_revise), and this workflow has no policy for that"
        yield "revision", f"{text}; give it one: Workflow(…, revision=RevisionPolicy())"
        return
    theirs = plan.revision.allow
    allowed = [name for name in own if theirs is None or name in theirs]
    if not allowed:
        text = f"its agent may add {listed(own)}, and the workflow's policy allows {listed(theirs or ())}"
        yield "revision", f"{text}; let both name what it may add"
    for name in allowed:
        if name not in registry and name not in cards:
            text = f"its can_revise names {name!r}, which is no activity here, and no worker has published it; "
            yield "unserved", text + (near(name, list(registry)) or "start its worker once, or take it out")


def _allowed(activity: Activity) -> tuple[str, ...]:
    policy = None if activity.agent is None else activity.agent.rules.can_revise
    return () if policy is None else policy.allow or ()
