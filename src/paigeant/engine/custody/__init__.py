"""Custody in the engine: loads, verifies and adopts the signed records of runs."""
