"""Calls of an agent's run as checkpoints of its step."""
