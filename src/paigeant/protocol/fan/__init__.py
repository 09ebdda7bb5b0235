"""Decisions about the joins of nodes."""
