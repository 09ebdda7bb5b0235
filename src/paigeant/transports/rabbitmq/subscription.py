"""Subscription: one consumer for each queue, on a channel that is rebuilt after any loss."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, Final, NamedTuple

from aio_pika import exceptions as amqp
from aio_pika.abc import AbstractChannel

from paigeant.abc import Delivery, Reporter
from paigeant.aio.backoff import Backoff
from paigeant.errors import PaigeantError, Unavailable
from paigeant.model.events import ConnectionLost, ConnectionRestored
from paigeant.transports.rabbitmq.connection import CLOSING, AmqpConnection
from paigeant.transports.rabbitmq.queue_repair import LEADER, QueueRepair, is_broken
from paigeant.transports.rabbitmq.queues import Queues

RENEWAL: Final = 60.0
"""Channel lifetime: seconds without a message of some topic, after which the channel is recreated. RabbitMQ 3.10.8 may
lose deliveries to a consumer whose queue was deleted and at once recreated, and still count it as a consumer."""

LIVENESS: Final = 15.0
"""Liveness check: seconds between two checks that the queues and their consumers still exist."""

HOLDING: Final = 5.0
"""Prefetch timeout: seconds after which unrequested messages return to the queue."""

PREFETCH: Final = 128
"""Prefetch limit: unsettled messages of a subscriber, over all its topics; enough to hide the round trips of an active
one."""

SPARING: Final = 8
"""Prefetch limit, for each topic, of a subscriber that let messages time out, until it has taken as many as it got
before: each return counts as a delivery."""

ID: Final = "paigeant-id"
"""Header with the message's id. AMQP's own message_id differs for each copy: returns are matched by it."""


def _some() -> float:
    """Return a delay with jitter, so that not all workers reconnect at the same time."""
    return random.uniform(0.5, 1)  # noqa: S311  (no secret)


class QueueWithoutLeader(Unavailable):
    """A queue exists, and cannot be consumed."""

    def __init__(self, queue: str) -> None:
        super().__init__(f"RabbitMQ does not let {queue} be consumed")
        self.queue = queue


class Arrived(NamedTuple):
    """Received message: the delivery, its channel and its delivery tag."""

    delivery: Delivery
    channel: Any
    tag: int

    async def settle(self) -> None:
        """Acknowledge it. A message that the broker has taken back is delivered again, and refused by the store."""
        with suppress(*amqp.CONNECTION_EXCEPTIONS):
            await self.channel.basic_ack(self.tag, wait=False)


class Subscription:
    """One subscription. It outlives its channel, its connection, its queues and restarts of the broker."""

    def __init__(
        self,
        connection: AmqpConnection,
        repair: QueueRepair,
        queues: Queues,
        topics: Collection[str],
        reporter: Reporter,
    ) -> None:
        self._connection, self._repair = connection, repair
        self._queues, self._topics = queues, frozenset(topics)
        self._reporter = reporter
        self._arrived: asyncio.Queue[Arrived | Exception] = asyncio.Queue()
        self._asked, self._asked_last = asyncio.Event(), monotonic()
        self._has_consumed = False
        self._backoff = Backoff(0.5, 5.0, jitter=_some)
        self._heard: dict[str, float] = {}
        self._left_some, self._taken = False, 0
        self.yielded: dict[str, list[Arrived]] = {}

    async def next(self) -> Delivery:
        """Return the next message, or raise the error that ended the subscription."""
        self._asked.set()
        try:
            arrived = await self._arrived.get()
        finally:
            self._asked.clear()
            self._asked_last = monotonic()
        if isinstance(arrived, Exception):
            raise arrived
        self._taken += 1
        self.yielded.setdefault(arrived.delivery.message_id, []).append(arrived)
        return arrived.delivery

    def end(self, error: Exception) -> None:
        """Wake the subscriber: no more messages follow."""
        self._arrived.put_nowait(error)

    async def supervise(self) -> None:
        """Consume until cancelled, through every outage. Only a permanent error at the first attempt ends it."""
        while True:
            try:
                await self._consume()
                await self._asked.wait()
            except QueueWithoutLeader as error:
                await self._repair.look_at(error.queue)
                await self._backoff.pause()
            except Exception as error:  # noqa: BLE001  (it must not end unseen)
                if not self._has_consumed and not isinstance(error, Unavailable):
                    return self.end(error)
                if not self._backoff.attempts and self._reporter.wants(ConnectionLost):
                    self._reporter.report(ConnectionLost(self._connection.name, error))
                await self._backoff.pause()

    async def _consume(self) -> None:
        """Consume until the channel must be renewed, or unrequested messages have timed out and return.

        Raises Unavailable once anything is lost. All deliveries of the channel are void at its end: the broker has
        taken them back.
        """
        lost = asyncio.Event()
        try:
            async with self._connection.channel() as channel:
                async with self._connection.limits():
                    await self._start(channel, lost)
                self._has_consumed = True
                if self._backoff.attempts and self._reporter.wants(ConnectionRestored):
                    self._reporter.report(ConnectionRestored(self._connection.name, self._backoff.attempts))
                self._backoff.reset()
                try:
                    await self._watch(lost)
                finally:
                    if not lost.is_set():
                        await self._stop(channel)
        finally:
            self.yielded.clear()
            while not self._arrived.empty():
                self._arrived.get_nowait()

    async def _start(self, channel: AbstractChannel, lost: asyncio.Event) -> None:
        def lose(*_: object) -> None:
            lost.set()

        channel.close_callbacks.add(lose)
        consuming = await channel.get_underlay_channel()
        consuming.on_consumer_cancel_callbacks.add(lose)
        self._taken = 0
        await channel.set_qos(
            prefetch_count=SPARING if self._left_some else max(SPARING, PREFETCH // len(self._topics))
        )
        for topic in self._topics:
            queue = await self._queues.declare(channel, self._queues.of(topic))
            try:
                async with asyncio.timeout(LEADER):
                    await consuming.basic_consume(queue.name, partial(self._arrive, topic))
            except (TimeoutError, amqp.ConnectionClosed) as error:
                if not is_broken(error):
                    raise
                raise QueueWithoutLeader(queue.name) from error

    async def _stop(self, channel: AbstractChannel) -> None:
        """Make sure that the last acknowledgements are processed before the channel closes.

        For a quorum queue the broker holds back commands beyond 32 unwritten ones (``quorum_commands_soft_limit``), and
        forgets them with the channel. The queue answers the cancel after the earlier commands; then the rest is sent,
        and the next answer of the channel comes after that.
        """
        with suppress(PaigeantError):
            async with self._connection.limits(), asyncio.timeout(CLOSING):
                consuming: Any = await channel.get_underlay_channel()
                for tag in list(consuming.consumers):
                    await consuming.basic_cancel(tag)
                await channel.set_qos(prefetch_count=SPARING)

    async def _arrive(self, topic: str, message: Any) -> None:
        properties, tag = message.header.properties, message.delivery_tag
        headers: dict[str, Any] = properties.headers or {}
        known = headers.get(ID) or properties.message_id
        message_id = known if isinstance(known, str) else f"unnamed:{message.consumer_tag}:{tag}"
        self._heard[topic] = monotonic()
        self._arrived.put_nowait(Arrived(Delivery(message_id, topic, message.body), message.channel, tag))

    async def _watch(self, lost: asyncio.Event) -> None:
        looked = monotonic()
        self._heard = dict.fromkeys(self._topics, looked)
        while not self._is_over():
            with suppress(TimeoutError):
                async with asyncio.timeout(HOLDING / 2):
                    await lost.wait()
                raise Unavailable("RabbitMQ ended the subscription")
            if monotonic() > looked + LIVENESS:
                await self._look()
                looked = monotonic()

    def _is_over(self) -> bool:
        if not self._asked.is_set() and not self._arrived.empty() and monotonic() > self._asked_last + HOLDING:
            self._left_some = True
            return True
        if self._left_some and self._taken >= PREFETCH:
            self._left_some = False
            return True
        return monotonic() > min(self._heard.values()) + RENEWAL

    async def _look(self) -> None:
        """Raise Unavailable if a queue is gone or has no consumer, even if the connection seems healthy."""
        async with self._connection.channel() as channel, self._connection.limits():
            for topic in self._topics:
                queue = await channel.declare_queue(self._queues.of(topic), passive=True)
                if not queue.declaration_result.consumer_count:
                    raise Unavailable(f"RabbitMQ lost the consumer of {queue.name}")
