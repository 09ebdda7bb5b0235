"""Delegated identity: tokens of a provider, verified, exchanged, and never believed."""
