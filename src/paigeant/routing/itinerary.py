"""Itineraries: giving steps their identity, and changing the way ahead without touching what is done."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from paigeant.errors import Terminal
from paigeant.model.limits import STEPS
from paigeant.model.message import PaigeantMessage
from paigeant.model.outcomes import Revised
from paigeant.model.steps import Step, placed, step_id
from paigeant.model.values import Value


class RevisionRefused(Terminal):
    """A revision would make the run longer than it may be."""


def identify(workflow_id: UUID, steps: Iterable[Step], *, path: str = "") -> tuple[Step, ...]:
    """Return the steps with which a path begins, with the identities of their places; given ids are replaced."""
    return tuple(placed(step, step_id(workflow_id, path, str(n))) for n, step in enumerate(steps))


def revise(message: PaigeantMessage, outcome: Revised[Value]) -> tuple[Step, ...]:
    """Return the itinerary that follows the current step of ``message`` once it has revised it.

    A step that remained keeps its identity, once; whatever is new gets one of the current position. Raises
    :class:`RevisionRefused` if the run would have more than 2,000 steps.
    """
    remaining = message.routing_slip.itinerary[1:]
    kept = remaining if outcome.replace is None else outcome.replace
    wanted = (*outcome.insert, *kept, *outcome.append)
    workflow_id, path, position = message.key
    if position + len(wanted) > STEPS:
        text = f"the revision asks for {len(wanted)} more steps at position {position}; a run has at most {STEPS}"
        raise RevisionRefused(text)
    known = {step.id for step in remaining}
    steps: list[Step] = []
    for n, step in enumerate(wanted):
        if step.id in known:
            known.discard(step.id)
            steps.append(step)
        else:
            steps.append(placed(step, step_id(workflow_id, path, f"{position}.{n}")))
    return tuple(steps)
