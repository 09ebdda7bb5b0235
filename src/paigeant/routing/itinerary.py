"""Itineraries: giving entries their identity, and changing the way ahead without touching what is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from paigeant.errors import Terminal
from paigeant.model.entries.entry import Entry, count, placed
from paigeant.model.entries.step import against, steps_of
from paigeant.model.limits import STEPS
from paigeant.model.message import PaigeantMessage
from paigeant.model.outcomes import Revised
from paigeant.model.plan_text import Itinerary, Planned, PlanText, plan_of
from paigeant.model.values.values import Value


class RevisionRefused(Terminal):
    """A revision would make the run longer than it may be."""


def identify(
    workflow_id: UUID, entries: Iterable[Entry], *, path: str = "", interfaces: Mapping[str, str] | None = None
) -> Itinerary:
    """Return the itinerary with which a path begins: these entries, against the interfaces of their activities."""
    return Itinerary(plan_of(entries, interfaces), workflow_id, path)


def revise(message: PaigeantMessage, outcome: Revised[Value], interfaces: Mapping[str, str]) -> Itinerary:
    """Return the itinerary that follows the current step of ``message`` once it has revised it.

    An entry that remained keeps its identity, once, and what it was dispatched against; whatever is new gets an
    identity of the current position, and what ``interfaces`` say of its activities. Raises :class:`RevisionRefused` if
    the run would have more than 2,000 entries.
    """
    remaining = message.routing_slip.itinerary.rest
    kept: Sequence[Entry] = remaining if outcome.replace is None else outcome.replace
    wanted = (*outcome.insert, *kept, *outcome.append)
    workflow_id, path, position = message.key
    if position + (asked := count(wanted)) > STEPS:
        text = f"the revision asks for {asked} more entries at position {position}; a run has at most {STEPS}"
        raise RevisionRefused(text)
    places = {entry.id: remaining.place(index) for index, entry in enumerate(remaining)}
    dispatched = {**interfaces, **_dispatched(remaining)}  # what remained was dispatched against the older ones
    plan = [
        Planned(placed(against(entry, dispatched), None), places.pop(entry.id, None) or f"{position}.{n}")
        for n, entry in enumerate(wanted)
    ]
    return Itinerary(PlanText(plan), workflow_id, path)


def _dispatched(entries: Iterable[Entry]) -> dict[str, str]:
    return {step.activity: step.interface for step in steps_of(entries) if step.interface is not None}
