"""Metrics: plain counts in dictionaries, kept by hooks, and read when somebody asks."""
