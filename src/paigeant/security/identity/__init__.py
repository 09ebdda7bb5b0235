"""Delegated identity: tokens of a provider, verified and exchanged."""
