"""Sweeper, in every worker: announces due hops, ends leases of dead owners, ends runs that must end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final, Self

from paigeant.aio.backoff import Backoff
from paigeant.aio.race import cancel
from paigeant.engine.publisher import PATIENCE, publish
from paigeant.engine.runtime import Runtime
from paigeant.engine.upkeep.closer import close_due
from paigeant.errors import ConfigError, Unavailable
from paigeant.model.events import Swept
from paigeant.model.limits import WORKER_ALIVE
from paigeant.model.plan import WorkerCard

UNSERVED_AFTER: Final = timedelta(seconds=30)
"""Time for which a step may be due without a worker that serves it, before its run is shown as unserved."""

REPORT: Final = WORKER_ALIVE * 0.45
"""Interval of a worker's reports that it is alive; one report may get lost."""

ANNOUNCED: Final = 200
"""Messages in one batch of announcements."""

SLOWEST: Final = 5.0
"""Longest backoff of a failed chore in seconds, unless its interval is longer."""


class Sweeper:
    """Runs each chore at its own interval; a failed one is retried with backoff."""

    def __init__(self, runtime: Runtime, card: WorkerCard, drain: Callable[[], None]) -> None:
        """Sweep for the worker that ``card`` describes; ``drain`` asks it to drain."""
        self._runtime = runtime
        self._card = card
        self._drain = drain
        self._seen = -1
        self._tasks: list[asyncio.Task[None]] = []
        self._broker_was_away = False

    async def __aenter__(self) -> Self:
        """Report the worker, then start sweeping."""
        await self._runtime.store.report_worker(self._card)
        chores: list[tuple[float, str, Callable[[], Awaitable[object]]]] = [
            (0.5, "taking over from dead workers", self._end_dead_leases),
            (1.0, "ending runs", self._close_due),
            (REPORT.total_seconds(), "reporting", self._report),
            (2.0, "asking whether to end", self._check_drain_request),
            (30.0, "looking for steps that nobody serves", self._hold_unserved),
        ]
        if self._runtime.codec.signs:
            chores.append((60.0, "keeping the key that signs", self._keep_key))
        if self._runtime.transport is not None:
            chores.append((0.1, "announcing", self._announce))
        self._tasks = [asyncio.create_task(self._every(*chore), name=f"paigeant-{chore[1]}") for chore in chores]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, and report the worker gone."""
        await cancel(self._tasks)
        with suppress(Exception):  # an unavailable store may be the reason to stop
            async with asyncio.timeout(5):
                await self._runtime.store.report_worker(self._card, gone=True)

    async def _every(self, seconds: float, doing: str, chore: Callable[[], Awaitable[object]]) -> None:
        backoff = Backoff(seconds, max(SLOWEST, seconds))
        while True:
            try:
                await chore()
            except Exception as error:  # noqa: BLE001  (the next round may do better)
                self._runtime.trouble(doing, error)
                await backoff.pause()
            else:
                backoff.reset()
                await asyncio.sleep(seconds)

    def _swept(self, chore: str, count: int) -> None:
        if count and self._runtime.hooks.wants(Swept):
            self._runtime.report(Swept(self._runtime.owner, chore, count))

    async def _report(self) -> None:
        if await self._runtime.store.report_worker(self._card):
            self._drain()

    async def _check_drain_request(self) -> None:
        """Check for a drain request, only after a change, to save queries of idle workers; reports always check."""
        seen = await self._runtime.store.wait_for_change(self._seen, REPORT.total_seconds())
        if seen != self._seen and await self._runtime.store.is_draining(self._card.id):
            self._drain()
        self._seen = seen

    async def _keep_key(self) -> None:
        """Renew the voucher of this worker's key in time; without one it drains: its commits would be rejected."""
        try:
            await self._runtime.codec.prepare(self._runtime.store.record_keys)
        except (ConfigError, Unavailable):
            self._drain()
            raise

    async def _end_dead_leases(self) -> None:
        self._swept("reclaimed", await self._runtime.store.end_dead_leases(self._runtime.owner))

    async def _close_due(self) -> None:
        self._swept("closed", await close_due(self._runtime))

    async def _hold_unserved(self) -> None:
        self._swept("stranded", await self._runtime.store.hold_unserved(UNSERVED_AFTER))

    async def _announce(self) -> None:
        """Announce due hops. Each announcement makes the next one rarer: none is wasted on an unavailable broker."""
        transport = self._runtime.transport
        if transport is None:
            return
        async with asyncio.timeout(PATIENCE):
            if self._broker_was_away:
                await transport.depth(self._card.topics[0])
        # One that answers may still refuse to take anything, as with a full disk: one message tries that for all.
        due = await self._runtime.store.take_announcements(1 if self._broker_was_away else ANNOUNCED)
        self._broker_was_away = bool(due)
        async with asyncio.timeout(PATIENCE):
            publishing = (publish(self._runtime, transport, one) for one in due)
            said = await asyncio.gather(*publishing, return_exceptions=True)
        for error in said:
            if error is not None:
                raise error
        self._broker_was_away = False
        self._swept("announced", len(due))
