"""Runs that are trees: with branches, waits and children."""
