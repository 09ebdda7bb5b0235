"""Execution of one hop: execute, decide, commit."""
