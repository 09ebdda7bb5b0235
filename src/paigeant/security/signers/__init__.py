"""Signers that come with the package."""
