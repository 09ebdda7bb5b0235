"""Itineraries: assignment of identities to entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from paigeant.model.entries.entry import Entry
from paigeant.model.plan_text import Itinerary, plan_of


def identify(
    workflow_id: UUID, entries: Iterable[Entry], *, path: str = "", interfaces: Mapping[str, str] | None = None
) -> Itinerary:
    """Return the itinerary with which a path begins: these entries, with the interfaces of their activities."""
    return Itinerary(plan_of(entries, interfaces), workflow_id, path)
