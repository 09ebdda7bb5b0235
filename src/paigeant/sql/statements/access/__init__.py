"""Statements of access tokens."""
