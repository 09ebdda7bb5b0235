"""Joins of nodes in memory."""
