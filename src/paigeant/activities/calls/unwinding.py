"""Exceptions that end a step's code from within when it has to wait; they are not errors to handle."""

from __future__ import annotations

from paigeant.model.outcomes import Parked


class Unwinding(BaseException):
    """The step waits: it ends with this outcome, whatever its code does with the exception.

    It is not an ``Exception``, so that code which handles errors lets it through.
    """

    def __init__(self, outcome: Parked) -> None:
        """Keep the outcome."""
        super().__init__(outcome.reason)
        self.outcome = outcome


class Diverged(Unwinding):
    """A call differs from the one recorded under its key."""
