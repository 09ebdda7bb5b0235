"""Confidential data: grants of a person's identity, and secret values."""
