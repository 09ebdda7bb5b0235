"""Command line: one file for each command, loaded on demand."""

from paigeant.cli.program import main

__all__ = ["main"]
