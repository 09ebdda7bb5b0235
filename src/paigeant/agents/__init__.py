"""pydantic-ai agents as activities; the only package that knows pydantic-ai."""

from paigeant.agents.durable.capability import PaigeantDurability
from paigeant.agents.embeddings import PaigeantEmbeddings

__all__ = ["PaigeantDurability", "PaigeantEmbeddings"]
