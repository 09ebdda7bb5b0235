"""Broker in this process's memory, which can lose and duplicate messages on demand."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field
from math import isfinite
from random import Random
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from paigeant.abc import Delivery, Transport
from paigeant.errors import ConfigError
from paigeant.model.hops import Sealed
from paigeant.plugins import redacted_url


class DeadLetter(NamedTuple):
    """Rejected message, and the reason."""

    delivery: Delivery
    reason: str


@dataclass(slots=True)
class Broker:
    """Queues of one namespace, one for each topic, and rejected messages."""

    queues: dict[str, deque[Delivery]] = field(default_factory=dict[str, deque[Delivery]])
    dead_letters: list[DeadLetter] = field(default_factory=list[DeadLetter])
    waiters: dict[asyncio.Future[None], Collection[str]] = field(
        default_factory=dict[asyncio.Future[None], Collection[str]]
    )

    def put(self, delivery: Delivery, *, first: bool = False) -> None:
        """Queue a message and wake the subscribers of its topic."""
        queue = self.queues.setdefault(delivery.topic, deque())
        if first:
            queue.appendleft(delivery)
        else:
            queue.append(delivery)
        for waiter, topics in self.waiters.items():
            if delivery.topic in topics and not waiter.done():
                waiter.set_result(None)

    def take(self, topics: Collection[str]) -> Delivery | None:
        """Take the oldest message of one of these topics; the next call prefers the other topics."""
        for topic in list(self.queues):
            queue = self.queues[topic]
            if topic in topics and queue:
                self.queues[topic] = self.queues.pop(topic)
                return queue.popleft()
        return None

    async def wait(self, topics: Collection[str]) -> None:
        """Return when a message may be there for these topics. No await lies between a failed take and this wait."""
        waiter = asyncio.get_running_loop().create_future()
        self.waiters[waiter] = topics
        try:
            await waiter
        finally:
            del self.waiters[waiter]


_SHARED: Final[dict[tuple[str, str], Broker]] = {}
"""Named brokers, by name and namespace. They live as long as the process."""


class MemoryTransport(Transport):
    """Moves messages within the process, at least once, with faults on demand.

    ``memory://`` is private to the object; all transports of one ``memory://name`` and namespace in the process share a
    broker. ``lose`` and ``duplicate`` are the fractions of published messages, 0 to 1, that this object loses and
    duplicates; they, and the random ``seed``, can be given in the URL: ``memory://name?lose=0.1&duplicate=0.1&seed=7``.
    """

    def __init__(
        self,
        url: str = "memory://",
        *,
        namespace: str = "default",
        lose: float = 0.0,
        duplicate: float = 0.0,
        seed: int = 0,
    ) -> None:
        faults = {"lose": lose, "duplicate": duplicate, "seed": seed, **_read_query(url)}
        self.lose: float = faults["lose"]
        self.duplicate: float = faults["duplicate"]
        self._dice = Random(faults["seed"])  # noqa: S311  (faults that can be repeated, no secret)
        name = urlsplit(url).netloc
        self._broker = _SHARED.setdefault((name, namespace), Broker()) if name else Broker()
        self._yielded: list[list[Delivery]] = []

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """Messages rejected so far, by any subscriber of this broker."""
        return list(self._broker.dead_letters)

    async def publish(self, topic: str, message: Sealed) -> None:
        delivery = Delivery(message.message_id, topic, message.body)
        if self._dice.random() >= self.lose:
            self._broker.put(delivery)
        if self._dice.random() < self.duplicate:
            self._broker.put(delivery)

    async def subscribe(self, topics: Collection[str]) -> AsyncGenerator[Delivery, None]:
        wanted = frozenset(topics)
        yielded: list[Delivery] = []
        self._yielded.append(yielded)
        try:
            while True:
                delivery = self._broker.take(wanted)
                if delivery is None:
                    await self._broker.wait(wanted)
                    continue
                yielded.append(delivery)
                yield delivery
        finally:
            self._yielded = [others for others in self._yielded if others is not yielded]
            for delivery in reversed(yielded):
                self._broker.put(delivery, first=True)

    async def ack(self, message_id: str) -> None:
        self._settle(message_id)

    async def reject(self, message_id: str, reason: str) -> None:
        settled = self._settle(message_id)
        if settled:
            self._broker.dead_letters.append(DeadLetter(settled[0], reason))

    def _settle(self, message_id: str) -> list[Delivery]:
        """Forget all deliveries of this id that were yielded here, and return them."""
        settled: list[Delivery] = []
        for yielded in self._yielded:
            settled += [delivery for delivery in yielded if delivery.message_id == message_id]
            yielded[:] = [delivery for delivery in yielded if delivery.message_id != message_id]
        return settled

    async def depth(self, topic: str) -> int:
        return len(self._broker.queues.get(topic, ()))


def _read_query(url: str) -> dict[str, float]:
    """Return the faults in a URL; raises ConfigError for an invalid one."""
    shown = redacted_url(url)
    try:
        faults = {name: float(value) for name, value in parse_qsl(urlsplit(url).query, strict_parsing=True)}
    except ValueError as error:
        raise ConfigError(f"{shown!r}: {error}; allowed are numbers, as in ?lose=0.1&duplicate=0.1&seed=7") from error
    unknown = faults.keys() - {"lose", "duplicate", "seed"}
    if unknown:
        raise ConfigError(f"{shown!r}: unknown {', '.join(sorted(unknown))}; allowed are lose, duplicate, seed")
    for name, value in faults.items():
        if not (isfinite(value) if name == "seed" else 0 <= value <= 1):
            allowed = "a finite number" if name == "seed" else "a share from 0 to 1"
            raise ConfigError(f"{shown!r}: {name} is {value}; allowed is {allowed}")
    return faults
