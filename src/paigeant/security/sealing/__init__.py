"""Sealing: encryption for certain keys, as JWE (RFC 7516)."""
