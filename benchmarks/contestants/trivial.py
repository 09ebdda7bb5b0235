"""The steps that Paigeant executes: each returns what it was given, and the last one lands its run."""

from __future__ import annotations

from workload import Flight

from paigeant import ActivityRegistry


def trivial(flight: Flight) -> ActivityRegistry:
    """Return a registry of ``step``, and of ``last``, which says to ``flight`` that a run has come to its end."""
    activity = ActivityRegistry()

    @activity.execute()
    async def step(text: str) -> str:
        return text

    @activity.execute()
    async def last(text: str) -> str:
        flight.land()
        return text

    return activity
