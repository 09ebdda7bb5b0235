"""Constraints of secrets on the entries of a workflow."""
