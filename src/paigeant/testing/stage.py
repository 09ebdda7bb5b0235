"""Stage: an application in memory with a movable clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from types import ModuleType
from typing import Any, Final, Self, TypedDict, Unpack

from paigeant.abc import Store, Transport
from paigeant.activities.registry import ActivityRegistry
from paigeant.app import Paigeant
from paigeant.app.declaration import Declaration
from paigeant.config import Settings
from paigeant.engine.upkeep.closer import close_due
from paigeant.engine.upkeep.sweeper import UNSERVED_AFTER
from paigeant.errors import InvalidInput
from paigeant.model.checks.options import spelled
from paigeant.model.plan import Plan
from paigeant.testing.timing import SkippingStore

PATIENCE: Final = 30.0
"""Timeout in seconds of running steps, together, before the time is moved on."""

MOMENTS: Final = 10_000
"""Limit of due times in one call, so that an endless loop is detected."""


class Span(TypedDict, total=False):
    """Length of time, with the arguments of ``timedelta``."""

    weeks: float
    days: float
    hours: float
    minutes: float
    seconds: float


@spelled(InvalidInput)
class Stage(Paigeant):
    """Application in memory whose store's time can be moved on: for retries, deadlines and waits."""

    def __init__(
        self,
        handlers: ModuleType | ActivityRegistry | None,
        workflows: Iterable[Declaration[Any, Any] | Plan],
        lease: float,
    ) -> None:
        """Serve these activities and workflows only."""
        settings = Settings(store="memory://", lease=lease, grace=1.0)
        super().__init__(handlers or ActivityRegistry(), workflows=workflows, settings=settings)
        self.memory: SkippingStore = SkippingStore()

    async def __aenter__(self) -> Self:
        """Open it. Retries follow their policy without jitter: a test can tell when one is due."""
        await super().__aenter__()
        self._opened.hold(replace(self.runtime, chance=lambda: 0.0))
        return self

    def _choose(self) -> tuple[Store, Transport | None, bool]:
        return self.memory, None, True

    async def advance(self, **span: Unpack[Span]) -> None:
        """Move the store's time on, as ``advance(days=3)``, or without a span until nothing more will be due.

        Time stops at each due time (a retry, a deadline, the end of a wait) and goes on once that work is done; work
        due at the end is done when this returns. Time does not move while a step runs: the step is awaited, 30 seconds
        at most, else AssertionError names it. Only the store's time moves: the system's clock, and a step's own
        ``timeout``, are not affected.
        """
        end = self.memory.now() + timedelta(**span) if span else None
        for _ in range(MOMENTS):
            await self._settle()
            now, moment = self.memory.now(), self.memory.next_moment()
            if end is not None:
                moment = min(moment or end, end)
            if moment is None or moment <= now:
                return
            self.memory.skip(moment - now)
        text = f"something is due again and again, {MOMENTS:,} times by {self.memory.now():%Y-%m-%d}: advance by a span"
        raise AssertionError(text)

    async def _settle(self) -> None:
        """Return when no work is in progress."""
        end, seen = monotonic() + PATIENCE, 0
        while True:
            await close_due(self.runtime)
            await self.store.hold_unserved(UNSERVED_AFTER)
            under_way = self.memory.under_way()
            if not under_way:
                return
            if monotonic() > end:
                text = f"after {PATIENCE:g} s there still runs {', '.join(under_way)}; time moves between steps only"
                raise AssertionError(text)
            seen = await self.store.wait_for_change(seen, 0.05)
