"""Decisions about nodes that begin a run of another workflow: its beginning, its end, and its undoing."""
