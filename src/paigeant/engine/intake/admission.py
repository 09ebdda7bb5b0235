"""Admission: a slot is reserved before a step is claimed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from paigeant.aio.backoff import Backoff
from paigeant.aio.race import until_first, wait_or_stop
from paigeant.engine.grants import still_held
from paigeant.engine.intake.slots import Slots
from paigeant.engine.runtime import Runtime
from paigeant.model.events import Received
from paigeant.model.hops import Grant, Leased

Start = Callable[[Grant, float], Leased | None]


class Admission:
    """Claims steps of one group of topics while there are free slots, until :attr:`stop` is set."""

    def __init__(
        self, runtime: Runtime, slots: Slots, group: tuple[str, ...], start: Start, stop: asyncio.Event
    ) -> None:
        """Start each leased step with ``start(grant, asked_at)``, its slot occupied; it returns those that open."""
        self.runtime = runtime
        self.group = group
        self.stop = stop
        self._slots = slots
        self._start = start
        self._backoff = Backoff(0.1, 5.0)
        self.saw_all: bool = False
        """True if the last claim returned fewer hops than requested, so that no more are due."""

    @property
    def is_ahead(self) -> bool:
        """True if no older due step waits for a slot, so that a step dispatched here may be started at once.

        A broker delivers as long as there are slots; from the store all due steps must have been claimed.
        """
        return self.saw_all or self.runtime.transport is not None

    async def take(self, ask: Callable[[int], Awaitable[list[Grant]]], most: int | None = None) -> list[Grant]:
        """Claim steps with slots reserved beforehand, and start them; claims nothing once it is stopped."""
        topic, room = self.group[0], self._slots.room(self.group)
        while room < 1:  # others may have waited for this slot too
            await self.until_stopped(self._slots.wait_for_room(self.group))
            if self.stop.is_set():
                return []
            room = self._slots.room(self.group)
        room = room if most is None else min(room, most)
        self._slots.take(topic, room)
        grants: list[Grant] = []
        asked_at = self.runtime.clock()
        try:
            given = await ask(room)
            self.saw_all = len(given) < room
            # Only started steps keep their slots: if this raises, all of them are released.
            grants, asked_at = await still_held(self.runtime, given, asked_at)
        finally:
            self._slots.give(topic, room - len(grants))
        begun = [self._start(grant, asked_at) for grant in grants]
        if begun and self.runtime.hooks.wants(Received):
            opened = tuple(leased for leased in begun if leased is not None)
            self.runtime.report(Received(self.runtime.owner, opened, self.runtime.clock() - asked_at))
        return grants

    async def has_room_beyond(self, count: int) -> bool:
        """True if more steps than this could start; if not, return False after the next change of the slots."""
        if self._slots.room(self.group) > count:
            return True
        await self._slots.wait_for_change()
        return False

    async def due_or_freed(self, due: Awaitable[bool]) -> bool:
        """Return the result of this, or True as soon as a slot was released. Raises its errors."""
        task = asyncio.ensure_future(due)
        await until_first(task, self._slots.wait_for_change())
        return task.cancelled() or task.result()

    async def recover(self, error: Exception) -> None:
        """Report an error, and wait before the next attempt, with a growing backoff."""
        self.runtime.trouble("taking in steps", error)
        await self.until_stopped(self._backoff.pause())

    def worked(self) -> None:
        """Reset the backoff after a success."""
        self._backoff.reset()

    async def until_stopped(self, waiting: Awaitable[Any]) -> Any:
        """Wait for something or for the stop, whichever comes first; returns None for the stop."""
        return await wait_or_stop(waiting, self.stop)
