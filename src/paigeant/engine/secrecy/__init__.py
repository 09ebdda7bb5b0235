"""Secrets in data: sealed where they come into being, and opened for the steps that may read them alone."""
