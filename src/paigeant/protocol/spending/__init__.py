"""Decisions about model requests: budgets and pauses."""
