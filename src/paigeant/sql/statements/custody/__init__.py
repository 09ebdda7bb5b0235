"""Statements of custody: records, deeds, keys and grants."""
