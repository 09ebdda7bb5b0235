"""Takers: workers of this process to which a dispatch may hand first hops, as far as they have free slots.

A run that is dispatched where it is executed need not be found by a query: its first hop is written already leased to
the worker, like a hop that is handed over. Only a worker without older due work is offered any: new work does not
overtake old.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol

from paigeant.abc import HopStore
from paigeant.aio.backoff import Backoff
from paigeant.errors import PaigeantError, Unavailable
from paigeant.model.hold import Taker
from paigeant.model.hops import Grant, LeaseToken, RunStart, Started
from paigeant.model.message import HopKey, PaigeantMessage

ATTEMPTS: Final = 5
"""Number of attempts to release leases that may or may not have been granted."""


class Seats(Protocol):
    """Slots of one worker, and the function that starts steps in them."""

    @property
    def taker(self) -> Taker:
        """Owner name under which the worker leases, and the length of the lease."""
        ...

    def reserve(self, topic: str, count: int) -> int:
        """Occupy up to this many slots for steps of this activity, if no older due work waits for them."""
        ...

    def give_back(self, topic: str, count: int) -> None:
        """Release slots that were not needed."""
        ...

    async def start(self, given: Mapping[HopKey, tuple[Grant, PaigeantMessage]], asked_at: float) -> int:
        """Execute leased steps, each in one of the slots; returns the number that are still held, and begin."""
        ...


class Takers:
    """Workers of one process. Not thread-safe."""

    def __init__(self) -> None:
        """Start without workers."""
        self._seats: list[Seats] = []
        self._behind: set[asyncio.Task[None]] = set()

    def join(self, seats: Seats) -> None:
        """Offer dispatches to this worker from now on."""
        self._seats.append(seats)

    def leave(self, seats: Seats) -> None:
        """Offer nothing more to this worker."""
        with suppress(ValueError):
            self._seats.remove(seats)

    def reserve(self, topic: str, count: int) -> tuple[Seats, int] | None:
        """Return a worker with slots occupied for this many steps of the activity; None without one."""
        for seats in self._seats:
            if (room := seats.reserve(topic, count)) > 0:
                return seats, room
        return None

    async def record(self, store: HopStore, starts: Sequence[RunStart], taker: Taker) -> list[Started]:
        """Record runs of which some are to be leased; raises the store's errors.

        If the caller is cancelled, or the answer is lost, leases that may have been granted are released: their steps
        have not begun, and must not appear to have been interrupted.
        """
        asked = [LeaseToken(one.twin.key, 1) for one in starts if one.taker is taker]
        task = asyncio.ensure_future(store.record_workflow_start(starts))
        try:
            return await asyncio.shield(task)
        except (asyncio.CancelledError, Unavailable):
            behind = asyncio.create_task(_give_back(store, task, asked))
            self._behind.add(behind)
            behind.add_done_callback(self._behind.discard)
            raise


async def _give_back(store: HopStore, task: asyncio.Future[list[Started]], asked: Sequence[LeaseToken]) -> None:
    """Release leases, once it is known, or cannot be known, whether they were granted; releasing none does nothing."""
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # the caller has received the error
    backoff = Backoff(0.1, 2.0)
    for _ in range(ATTEMPTS):
        try:
            await store.release(asked)
        except Unavailable:
            await backoff.pause()
        except PaigeantError:
            return
        else:
            return
