"""pydantic-ai agents as activities; the only part of Paigeant that knows pydantic-ai."""
