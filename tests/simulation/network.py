"""The way between a simulated process and its store and broker, on which anything may go wrong.

What is called is carried out at the other end, whatever becomes of the caller meanwhile: a commit may arrive after its
worker is dead, and an answer may find nobody, or never set out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine
from contextlib import aclosing
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

from paigeant.abc import Delivery, Store
from paigeant.errors import Unavailable
from paigeant.stores.memory import MemoryStore
from paigeant.stores.memory.rows import Rows
from paigeant.transports.memory import Broker, MemoryTransport
from tests.simulation.schedule import LEASE, Schedule

WAITS: Final = frozenset({"wait_until_due", "wait_for_change"})
"""Calls that end when something happens; they change nothing."""

CALLS: Final = Store.__abstractmethods__ - WAITS
SENDS: Final = frozenset({"publish", "ack", "reject", "depth"})

Seen = Callable[[str, tuple[Any, ...], Any], None]
"""Hears what was called, with which arguments, and what it came to, at the moment it did."""


@dataclass
class Network:
    """The weather on all the ways, drawn from the schedule's shares until it is calm."""

    schedule: Schedule
    dice: Random
    seen: Seen
    calm: bool = False
    away: dict[str, float] | None = None
    """Until when the store or the broker cannot be reached."""

    async def call(self, place: str, name: str, do: Callable[[], Coroutine[Any, Any, Any]], arguments: Any) -> Any:
        """Carry a call there and its answer back; raises Unavailable where that fails."""
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        fate = self._fate(place, loop.time())
        loop.call_later(self._delay(), self._arrive, fate, name, do, arguments, answer, context=Context())
        return await answer

    def _arrive(
        self,
        fate: str,
        name: str,
        do: Callable[[], Coroutine[Any, Any, Any]],
        arguments: Any,
        answer: asyncio.Future[Any],
    ) -> None:
        settle: Callable[[], None]
        try:
            result = None if fate == "refused" else _at_once(do())
        except Exception as error:  # noqa: BLE001  (it is the caller's)
            settle = partial(_fail, answer, error)
        else:
            if fate != "refused":
                self.seen(name, arguments, result)
            failed = Unavailable(f"{name}: {fate}")
            settle = partial(_succeed, answer, result) if fate == "done" else partial(_fail, answer, failed)
        asyncio.get_running_loop().call_later(self._delay(), settle, context=Context())

    def is_away(self, place: str, now: float) -> bool:
        return not self.calm and self.away is not None and self.away.get(place, 0) > now

    def _fate(self, place: str, now: float) -> str:
        if self.calm:
            return "done"
        if self.is_away(place, now):
            return self.dice.choice(["refused", "refused", "unanswered"])
        chance = self.dice.random()
        if chance < self.schedule.refused:
            return "refused"
        return "unanswered" if chance < self.schedule.refused + self.schedule.unanswered else "done"

    def _delay(self) -> float:
        if not self.calm and self.dice.random() < self.schedule.slow:
            return self.dice.uniform(0, 2 * LEASE)
        return 0.0 if self.dice.random() < 0.7 else self.dice.uniform(0, 0.02)


def _at_once(call: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        call.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError(f"{call} waits")


def _succeed(answer: asyncio.Future[Any], result: Any) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


class FarStore(MemoryStore):
    """A memory store at the other end of the network."""

    def __init__(self, rows: Rows, network: Network) -> None:
        super().__init__()
        self._rows, self._network = rows, network

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return partial(self._far, name, found) if name in CALLS else found

    async def _far(self, name: str, method: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return await self._network.call("store", name, partial(method, *args, **options), args)

    async def wait_until_due(self, topics: Collection[str], timeout: float) -> bool:
        if self._network.is_away("store", asyncio.get_running_loop().time()):
            await asyncio.sleep(0)
            raise Unavailable("wait_until_due: away")
        return await super().wait_until_due(topics, timeout)


class FarTransport(MemoryTransport):
    """A memory transport whose broker is at the other end of the network."""

    def __init__(self, broker: Broker, network: Network) -> None:
        schedule = network.schedule
        super().__init__(lose=schedule.lost, duplicate=schedule.doubled, seed=network.dice.getrandbits(32))
        self._broker, self._network = broker, network

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return partial(self._far, name, found) if name in SENDS else found

    async def _far(self, name: str, method: Callable[..., Any], *args: Any) -> Any:
        if self._network.calm:
            self.lose = self.duplicate = 0
        return await self._network.call("broker", name, partial(method, *args), args)

    async def subscribe(self, topics: Collection[str]) -> AsyncGenerator[Delivery, None]:
        async with aclosing(super().subscribe(topics)) as deliveries:
            async for delivery in deliveries:
                if self._network.is_away("broker", asyncio.get_running_loop().time()):
                    raise Unavailable("subscribe: away")
                yield delivery

    def break_off(self) -> None:
        """The connection is gone: what was not acknowledged is queued again."""
        for yielded in self._yielded:
            for delivery in yielded:
                self._broker.put(delivery, first=True)
        self._yielded = []


class ShufflingBroker(Broker):
    """A broker that delivers in no order."""

    def __init__(self, dice: Random) -> None:
        super().__init__()
        self._dice = dice

    def put(self, delivery: Delivery, *, first: bool = False) -> None:
        super().put(delivery, first=first)
        queue: deque[Delivery] = self.queues[delivery.topic]
        queue.rotate(self._dice.randrange(len(queue)))
