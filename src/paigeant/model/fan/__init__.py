"""Branches: what a node knows of them, what a branch reports, and what the node comes to."""
