"""Decisions about calls within steps: histories and recordings."""
