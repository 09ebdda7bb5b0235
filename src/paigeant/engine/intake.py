"""The two intakes, one path behind them: the store's pick, which is the lease, and a broker's deliveries."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, cast

from paigeant.abc import Delivery, Transport
from paigeant.engine.parts import Parts
from paigeant.engine.slots import Slots
from paigeant.errors import MessageRejected
from paigeant.model.hops import Grant
from paigeant.model.message import HopKey

IDLE: Final = 30.0
"""Seconds after which an idle intake looks for work even if nothing told it of any."""

AGAIN: Final = (0.1, 5.0)
"""Seconds until a store or broker that is away is asked again: at first, doubling, and at most."""

Start = Callable[[Grant, float], None]


class Intake:
    """Takes in steps of one group of topics for as long as there are slots, until :attr:`stop` is set."""

    def __init__(self, parts: Parts, slots: Slots, group: tuple[str, ...], start: Start, stop: asyncio.Event) -> None:
        """Start each leased step with ``start(grant, asked_at)``, its slot occupied."""
        self._parts = parts
        self._slots = slots
        self._group = group
        self._start = start
        self._stop = stop
        self._pause = AGAIN[0]

    async def run(self) -> None:
        """Take in until stopped; a store or broker that is away is asked again, ever more patiently."""
        while not self._stop.is_set():
            try:
                if self._parts.transport is None:
                    await self._pick()
                else:
                    await self._receive(self._parts.transport)
            except Exception as error:  # noqa: BLE001  (an intake that dies would leave a worker that only seems alive)
                self._parts.trouble("taking in steps", error)
                await self._until_stopped(asyncio.sleep(self._pause))
                self._pause = min(self._pause * 2, AGAIN[1])

    async def _pick(self) -> None:
        """The store intake: lease what is due, else wait for it."""
        store = self._parts.store
        grants = await self._take(lambda room: store.pick(self._parts.owner, self._group, room, self._parts.lease))
        while not grants and not self._stop.is_set():
            if await self._until_stopped(store.wait_for_work(self._group, IDLE)):
                return

    async def _receive(self, transport: Transport) -> None:
        """The broker intake: lease what arrives, acknowledge it, start what is ours."""
        async with aclosing(cast("Any", transport.subscribe(self._group))) as deliveries:
            while not self._stop.is_set():
                await self._until_stopped(self._slots.wait_for_room(self._group))
                delivery = await self._until_stopped(anext(deliveries))
                if delivery is not None:
                    await self._lease(transport, cast("Delivery", delivery))

    async def _lease(self, transport: Transport, delivery: Delivery) -> None:
        rejected: MessageRejected | None = None
        try:
            key = self._parts.codec.open(delivery.body).key
        except MessageRejected as error:
            # If these are the bytes that the store recorded, its run must be seen to wait, not only its message to go.
            rejected, key = error, HopKey.of(delivery.message_id)
        grants: list[Grant] | None = []
        if key is not None:
            store, notice = self._parts.store, (key, hashlib.sha256(delivery.body).digest())
            grants = await self._take(lambda _: store.lease(self._parts.owner, [notice], self._parts.lease))
        if rejected is not None and grants == []:
            await transport.reject(delivery.message_id, str(rejected))
        elif grants is not None:
            await transport.ack(delivery.message_id)

    async def _take(self, ask: Callable[[int], Awaitable[list[Grant]]]) -> list[Grant] | None:
        """Ask for steps with their slots occupied beforehand, and start them; None if it was stopped before that."""
        topic, room = self._group[0], 0
        while room < 1:  # others, too, may have waited for this slot
            await self._until_stopped(self._slots.wait_for_room(self._group))
            if self._stop.is_set():
                return None
            room = self._slots.room(self._group)
        self._slots.take(topic, room)
        grants: list[Grant] = []
        asked_at = self._parts.clock()
        try:
            grants = await ask(room)
        finally:
            self._slots.give(topic, room - len(grants))
        self._pause = AGAIN[0]
        for grant in grants:
            self._start(grant, asked_at)
        return grants

    async def _until_stopped(self, waiting: Awaitable[Any]) -> Any:
        """Wait for something or for the stop, whichever comes first; returns None for the stop."""
        tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(self._stop.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return tasks[0].result() if tasks[0].done() else None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
