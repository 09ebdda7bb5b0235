"""The decision: one pure function that knows all the orchestration there is."""

from paigeant.routing.advance import advance
from paigeant.routing.itinerary import RevisionRefused, identify, revise

__all__ = ["RevisionRefused", "advance", "identify", "revise"]
