"""Overviews of a namespace: queues, counts, and runs by what they are like."""
