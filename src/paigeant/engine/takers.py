"""Takers: the workers of this process, which a dispatch may hand first hops to, as far as they have free slots.

A run that is dispatched where it is executed need not be looked for: its first hop is written leased to the worker,
like a hop that follows another. Only a worker that has seen all that was due is offered any: nothing older waits for
what is new.
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
"""How often it is tried to give leases back of which nobody knows whether they were given."""


class Seats(Protocol):
    """The slots of one worker, and what it starts in them."""

    @property
    def taker(self) -> Taker:
        """As whom the worker leases, and for how long."""
        ...

    def reserve(self, topic: str, count: int) -> int:
        """Occupy up to so many slots for steps of this activity, as far as nothing that is due waits for them."""
        ...

    def give_back(self, topic: str, count: int) -> None:
        """Give slots back that were not needed."""
        ...

    async def start(self, given: Mapping[HopKey, tuple[Grant, PaigeantMessage]], asked_at: float) -> int:
        """Execute steps that were leased, each in one of the slots; returns how many are still held, and begin."""
        ...


class Takers:
    """The workers of one process. Not for several threads."""

    def __init__(self) -> None:
        """There are none yet."""
        self._seats: list[Seats] = []
        self._behind: set[asyncio.Task[None]] = set()

    def join(self, seats: Seats) -> None:
        """Offer what is dispatched from now on to this worker."""
        self._seats.append(seats)

    def leave(self, seats: Seats) -> None:
        """Offer nothing more to this worker."""
        with suppress(ValueError):
            self._seats.remove(seats)

    def reserve(self, topic: str, count: int) -> tuple[Seats, int] | None:
        """Return a worker that takes so many steps of this activity, in slots occupied for them; None if none does."""
        for seats in self._seats:
            if (room := seats.reserve(topic, count)) > 0:
                return seats, room
        return None

    async def record(self, store: HopStore, starts: Sequence[RunStart], taker: Taker) -> list[Started]:
        """Record runs of which some are to be leased; raises what the store raises.

        If the caller is cancelled, or the answer is lost, leases that may have been given are given back: their steps
        have not begun, and must not seem to have been interrupted.
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
    """Release leases, once it is known, or cannot be known, whether they were given; one that was not is none."""
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # whoever asked has heard of it
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
