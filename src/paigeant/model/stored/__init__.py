"""Questions to a store beyond runs and hops, and its answers, as values."""
