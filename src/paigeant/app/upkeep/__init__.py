"""What is done to an installation rather than to a run: upgrading, pruning, examining, dead letters."""
