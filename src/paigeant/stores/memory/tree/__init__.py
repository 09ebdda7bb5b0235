"""Runs that have begun others, in memory."""
