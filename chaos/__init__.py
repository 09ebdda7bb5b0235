"""Proof with real processes that nothing is lost and nothing committed twice. ``README.md`` says how to run it."""
