"""Contracts of confidential data: identities, grants and secrets."""
