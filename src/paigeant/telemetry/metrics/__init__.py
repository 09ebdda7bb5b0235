"""Metrics: plain counts in dictionaries, updated by hooks, and read on demand."""
