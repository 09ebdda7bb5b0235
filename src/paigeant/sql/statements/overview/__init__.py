"""Overviews of a namespace: queues, counts, and searches of runs."""
