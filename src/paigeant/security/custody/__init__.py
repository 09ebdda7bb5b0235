"""Custody: signed records of hops, their keys, and the verification of a chain of records."""
