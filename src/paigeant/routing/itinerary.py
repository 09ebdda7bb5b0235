"""Itineraries: giving steps their identity, and changing the way ahead without touching what is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from paigeant.errors import Terminal
from paigeant.model.limits import STEPS
from paigeant.model.message import PaigeantMessage
from paigeant.model.outcomes import Revised
from paigeant.model.plan_text import Entry, Itinerary, PlanText, plan_of
from paigeant.model.steps import Step
from paigeant.model.values.values import Value


class RevisionRefused(Terminal):
    """A revision would make the run longer than it may be."""


def identify(
    workflow_id: UUID, steps: Iterable[Step], *, path: str = "", interfaces: Mapping[str, str] | None = None
) -> Itinerary:
    """Return the itinerary with which a path begins: these steps, against the interfaces of their activities."""
    return Itinerary(plan_of(steps, interfaces), workflow_id, path)


def revise(message: PaigeantMessage, outcome: Revised[Value], interfaces: Mapping[str, str]) -> Itinerary:
    """Return the itinerary that follows the current step of ``message`` once it has revised it.

    A step that remained keeps its identity, once, and what it was dispatched against; whatever is new gets an identity
    of the current position, and what ``interfaces`` say of its activity. Raises :class:`RevisionRefused` if the run
    would have more than 2,000 steps.
    """
    remaining = message.routing_slip.itinerary.rest
    kept: Sequence[Step] = remaining if outcome.replace is None else outcome.replace
    wanted = (*outcome.insert, *kept, *outcome.append)
    workflow_id, path, position = message.key
    if position + len(wanted) > STEPS:
        text = f"the revision asks for {len(wanted)} more steps at position {position}; a run has at most {STEPS}"
        raise RevisionRefused(text)
    entries = remaining.placed_entries()
    places = {step.id: entry.place for step, entry in zip(remaining, entries, strict=True)}
    dispatched = {**interfaces, **_dispatched(entries)}  # what remained was dispatched against the older ones
    plan = [
        Entry(step, dispatched.get(step.activity), places.pop(step.id, None) or f"{position}.{n}")
        for n, step in enumerate(wanted)
    ]
    return Itinerary(PlanText(plan), workflow_id, path)


def _dispatched(entries: Iterable[Entry]) -> dict[str, str]:
    return {entry.step.activity: entry.interface for entry in entries if entry.interface is not None}
