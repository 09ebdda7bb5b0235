"""Maintenance of an installation: upgrade, prune, examine, dead letters, tokens."""
