"""Decisions about child runs."""
