"""Decisions about nodes with branches: their begin, their outcome, and the ends of branches."""
