"""Runs that begin others: what a parent knows of its child, and what it has happen to it."""
