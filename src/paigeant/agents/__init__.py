"""pydantic-ai agents as activities; the only part of Paigeant that knows pydantic-ai."""

from paigeant.agents.durable.capability import PaigeantDurability

__all__ = ["PaigeantDurability"]
