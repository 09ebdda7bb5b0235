"""Decisions about questions to people, adoption and grants."""
