"""What ends a step's code from within, where it has to wait: no error of the code's, and nothing for it to handle."""

from __future__ import annotations

from paigeant.model.outcomes import Parked


class Unwinding(BaseException):
    """The step waits: it comes to this outcome, whatever its code makes of the exception.

    No ``Exception``, so that code which handles errors lets it through.
    """

    def __init__(self, outcome: Parked) -> None:
        """Keep the outcome."""
        super().__init__(outcome.reason)
        self.outcome = outcome


class Diverged(Unwinding):
    """A call asks for something else than was recorded under its key."""
