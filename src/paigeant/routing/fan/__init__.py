"""Decisions about nodes with branches: which begin, what the node comes to, and how a branch ends."""
