"""Custody: signed records of hops, keys, notes and evidence, as values."""
