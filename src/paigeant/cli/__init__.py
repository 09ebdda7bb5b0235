"""The command line: one file a command, loaded when it is asked for."""

from paigeant.cli.program import main

__all__ = ["main"]
