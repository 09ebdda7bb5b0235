"""Custody: what is signed of each hop, by which key, and how a chain of records is judged."""
