"""Resource: what is opened and closed, can tell how it is, and reports what happens to it."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from paigeant.abc.hooks import Reporter
from paigeant.model.checks.findings import Finding
from paigeant.model.events import Event


class Unheard:
    """Reports to nobody."""

    def wants(self, kind: type[Event]) -> bool:
        """Nobody wants it."""
        del kind
        return False

    def report(self, event: Event) -> None:
        """Drop it."""


UNHEARD: Final = Unheard()


class Resource(ABC):
    """Something that is opened and closed once, with ``async with``; it closes only what it opened."""

    reporter: Reporter = UNHEARD
    """Where it reports what happens to it: connections, transactions. Set before it is opened."""

    async def __aenter__(self) -> Self:
        """Open it; raises :class:`~paigeant.errors.Unavailable` or ``ConfigError`` with what to do."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; what was answered stays true."""

    async def examine(self) -> Sequence[Finding]:
        """Look at what it needs to work, while it is open: version, settings, rights, room, how long an answer takes.

        One finding for each, good ones too, within seconds and leaving nothing behind. ``paigeant doctor`` shows them,
        and each worker asks at its start: it does not start with a problem, and logs warnings. So this is the one place
        for such checks, and opening refuses only what makes it impossible to ask: no answer, a wrong password, a server
        that is too old. What may not be looked at for want of rights is a warning that names the right. Optional;
        raises :class:`~paigeant.errors.Unavailable`.
        """
        return ()
