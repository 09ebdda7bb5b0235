"""Sealing: what only some keys can read, as JWE (RFC 7516)."""
