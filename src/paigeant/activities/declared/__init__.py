"""Declarations: what may be said of an activity, and of one that is an agent."""
