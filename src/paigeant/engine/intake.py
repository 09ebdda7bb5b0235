"""The two intakes, one path behind them: the store's pick, which is the lease, and a broker's deliveries."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from time import monotonic
from typing import Any, Final, cast

from paigeant.abc import Delivery, Transport
from paigeant.engine.deciding import unreadable, write
from paigeant.engine.parts import Parts
from paigeant.engine.slots import Slots
from paigeant.errors import MessageRejected
from paigeant.model.hops import Grant, Leased
from paigeant.model.message import HopKey

IDLE: Final = 10.0
"""Seconds after which an idle intake looks for work even if nothing told it of any."""

Start = Callable[[Leased, float], None]


class Intake:
    """Takes in steps of one group of topics for as long as there are slots, until :attr:`stop` is set."""

    def __init__(self, parts: Parts, slots: Slots, group: tuple[str, ...], start: Start, stop: asyncio.Event) -> None:
        """Start each leased step with ``start(leased, asked_at)``, its slot occupied."""
        self._parts = parts
        self._slots = slots
        self._group = group
        self._start = start
        self._stop = stop

    async def run(self) -> None:
        """Take in until stopped; a store or broker that is away is asked again, ever more patiently."""
        delay = 0.1
        while not self._stop.is_set():
            try:
                if self._parts.transport is None:
                    await self._pick()
                else:
                    await self._receive(self._parts.transport)
                delay = 0.1
            except Exception as error:  # noqa: BLE001  (an intake that dies would leave a worker that only seems alive)
                self._parts.trouble()("taking in steps", error)
                await self._until_stopped(asyncio.sleep(delay))
                delay = min(delay * 2, 5.0)

    async def _pick(self) -> None:
        """The store intake: lease what is due, else wait for it."""
        await self._until_stopped(self._slots.wait_for_room(self._group))
        store, asked_at = self._parts.store, monotonic()
        grants = await self._reserved(
            lambda room: store.pick(self._parts.owner, self._group, room, self._parts.lease), asked_at
        )
        if not grants:
            await self._until_stopped(store.wait_for_work(self._group, IDLE))

    async def _receive(self, transport: Transport) -> None:
        """The broker intake: lease what arrives, acknowledge it, start what is ours."""
        async with aclosing(cast("Any", transport.subscribe(self._group))) as deliveries:
            while not self._stop.is_set():
                await self._until_stopped(self._slots.wait_for_room(self._group))
                delivery = await self._until_stopped(anext(deliveries))
                if delivery is not None:
                    await self._lease(transport, cast("Delivery", delivery))

    async def _lease(self, transport: Transport, delivery: Delivery) -> None:
        try:
            key: HopKey = self._parts.codec.open(delivery.body).key
        except MessageRejected as error:
            await transport.reject(delivery.message_id, str(error))
            return
        await self._until_stopped(self._slots.wait_for_room(self._group))
        if self._stop.is_set():
            return
        notice = key, hashlib.sha256(delivery.body).digest()
        store, asked_at = self._parts.store, monotonic()
        await self._reserved(lambda _: store.lease(self._parts.owner, [notice], self._parts.lease), asked_at)
        await transport.ack(delivery.message_id)

    async def _reserved(self, ask: Callable[[int], Awaitable[list[Grant]]], asked_at: float) -> list[Grant]:
        """Ask for steps with their slots occupied beforehand, and start them; what comes too late goes back."""
        topic, room = self._group[0], self._slots.room(self._group)
        if self._stop.is_set() or room < 1:
            return []
        self._slots.take(topic, room)
        grants: list[Grant] = []
        try:
            grants = await ask(room)
        finally:
            self._slots.give(topic, room - len(grants))
        if self._stop.is_set():
            await self._parts.store.release([grant.held for grant in grants])
            self._slots.give(topic, len(grants))
            return []
        for grant in grants:
            await self._begin(grant, asked_at)
        return grants

    async def _begin(self, grant: Grant, asked_at: float) -> None:
        try:
            leased = self._parts.open(grant)
        except MessageRejected as error:
            self._slots.give(grant.topic)
            commit = write(self._parts, grant, unreadable(error), None, ())
            await self._parts.store.record_step_result([commit], self._parts.lease)
        else:
            self._start(leased, asked_at)

    async def _until_stopped(self, waiting: Awaitable[Any]) -> Any:
        """Wait for something or for the stop, whichever comes first; returns None for the stop."""
        tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(self._stop.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return tasks[0].result() if tasks[0].done() else None
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)
