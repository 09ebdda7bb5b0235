"""Resource: base of stores and transports, which are opened, closed, examined, and report events."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from paigeant.abc.hooks import Reporter
from paigeant.model.checks.findings import Finding
from paigeant.model.events import Event


class Unheard:
    """Reporter without a receiver: every event is dropped."""

    def wants(self, kind: type[Event]) -> bool:
        """Return False: no event is wanted."""
        del kind
        return False

    def report(self, event: Event) -> None:
        """Drop the event."""


UNHEARD: Final = Unheard()


class Resource(ABC):
    """Something that is opened and closed once, with ``async with``; it closes only what it opened."""

    reporter: Reporter = UNHEARD
    """Receiver of its events: connections, transactions. Set before the resource is opened."""

    async def __aenter__(self) -> Self:
        """Open it; raises :class:`~paigeant.errors.Unavailable`, or ``ConfigError`` with what to do."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; everything that was answered stays true."""

    async def examine(self) -> Sequence[Finding]:
        """Check what it needs to work, while it is open: version, settings, permissions, free space, latency.

        Returns one finding for each check, also for good results, within seconds and without leaving anything behind.
        ``paigeant doctor`` shows the findings, and each worker asks for them at its start: it refuses to start with a
        problem, and logs warnings. All such checks belong here. Opening refuses only if no check is possible: no
        answer, a wrong password, or a server that is too old. A check without the necessary permission is a warning
        that names the permission. Optional; raises :class:`~paigeant.errors.Unavailable`.
        """
        return ()
