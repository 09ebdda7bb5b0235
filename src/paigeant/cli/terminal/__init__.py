"""Common parts of commands: arguments, output, following a run."""
