"""Routing: pure decisions about a run: whether a step may run, what follows its outcome, and how a run ends."""
