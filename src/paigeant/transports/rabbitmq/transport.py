"""RabbitMQ transport: messages in quorum queues, one a topic."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Sequence
from types import TracebackType
from typing import Any, Final, Self

from aio_pika import DeliveryMode, Message
from aio_pika import exceptions as amqp

from paigeant.abc import Delivery, Transport
from paigeant.aio.race import cancel
from paigeant.errors import Unavailable
from paigeant.model.checks.findings import Finding
from paigeant.model.hops import Sealed
from paigeant.transports.rabbitmq.address import RabbitMQAddress
from paigeant.transports.rabbitmq.checks import examine
from paigeant.transports.rabbitmq.connection import AmqpConnection
from paigeant.transports.rabbitmq.failures import NoAnswer
from paigeant.transports.rabbitmq.queue_repair import QueueRepair
from paigeant.transports.rabbitmq.queues import Queues
from paigeant.transports.rabbitmq.subscription import ID, Subscription

GONE: Final = 1.0
"""Seconds until a deleted queue is recreated: its consumers must have been notified by then."""

_LONGEST_REASON: Final = 1000


class RabbitMQTransport(Transport):
    """Moves messages through RabbitMQ 3.10 or newer: ``amqp://user:password@host:5672/vhost``, or ``amqps://``.

    For the namespace ``shop`` it declares a quorum queue ``paigeant:shop:q:<topic>`` for each topic, and
    ``paigeant:shop:dead``. Rejected messages are stored unchanged among these dead letters, with the headers
    ``paigeant-topic`` and ``paigeant-reason``; so are messages that returned unsettled 20 times, with RabbitMQ's
    ``x-death`` as the reason.
    """

    def __init__(self, url: str, *, namespace: str = "default") -> None:
        self._address, self._queues = RabbitMQAddress(url), Queues(namespace)
        # Separate, because a broker with an alarm stops reading from publishers: acknowledgements must get through.
        self._sending = AmqpConnection(self._address, f"paigeant {namespace} sending")
        self._receiving = AmqpConnection(self._address, f"paigeant {namespace} receiving")
        self._repair = QueueRepair(self._address, f"paigeant {namespace} repair", lambda: self.reporter)
        self._declaring = asyncio.Lock()
        self._subscriptions: dict[Subscription, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        logger = logging.getLogger("aiormq")
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL)  # errors are raised, or logged by us: once, in one line
        async with self._sending.limits():
            await self._sending.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for subscription in list(self._subscriptions):
            await self._leave(subscription)
            subscription.end(Unavailable("the transport is closed"))
        await asyncio.gather(self._repair.close(), self._sending.close(), self._receiving.close())

    async def examine(self) -> Sequence[Finding]:
        # A connection of its own: a broker with an alarm stops reading from connections that publish.
        connection = AmqpConnection(self._address, "paigeant checks")
        try:
            return await examine(connection, self._queues.examined)
        finally:
            await connection.close()

    async def publish(self, topic: str, message: Sealed) -> None:
        await self._send(self._queues.of(topic), message.body, {ID: message.message_id})

    async def subscribe(self, topics: Collection[str]) -> AsyncGenerator[Delivery, None]:
        subscription = Subscription(self._receiving, self._repair, self._queues, topics, self.reporter)
        self._subscriptions[subscription] = asyncio.create_task(subscription.supervise(), name="paigeant-rabbitmq")
        try:
            while True:
                yield await subscription.next()
        finally:
            await self._leave(subscription)

    async def ack(self, message_id: str) -> None:
        for subscription in list(self._subscriptions):
            for arrived in subscription.yielded.pop(message_id, ()):
                await arrived.settle()

    async def reject(self, message_id: str, reason: str) -> None:
        holding = (one.yielded[message_id][0] for one in self._subscriptions if message_id in one.yielded)
        found = next(holding, None)
        if found is not None:
            [_, topic, body] = found.delivery
            headers = {ID: message_id, "paigeant-topic": topic, "paigeant-reason": reason[:_LONGEST_REASON]}
            await self._send(self._queues.dead, body, headers)
            await self.ack(message_id)

    async def depth(self, topic: str) -> int:
        name = self._queues.of(topic)
        async with self._sending.channel() as channel, self._sending.limits():
            try:
                return (await channel.declare_queue(name, passive=True)).declaration_result.message_count or 0
            except amqp.ChannelNotFoundEntity:
                return 0

    async def _send(self, queue: str, body: bytes, headers: dict[str, Any]) -> None:
        message = Message(body, headers=headers, delivery_mode=DeliveryMode.PERSISTENT)
        try:
            async with self._sending.limits():
                await self._ensure(queue)
                try:
                    await self._sending.put(queue, message)
                except amqp.PublishError:  # the queue was deleted meanwhile
                    await asyncio.sleep(GONE)
                    self._sending.declared.discard(queue)
                    await self._ensure(queue)
                    await self._sending.put(queue, message)
        except Unavailable as error:
            if isinstance(error, NoAnswer) or queue == self._queues.dead:  # never full, without a consumer
                self._repair.look_at(queue)
            raise

    async def _ensure(self, queue: str) -> None:
        if self._sending.knows(queue):
            return
        await self._sending.connect()
        async with self._declaring:
            if queue not in self._sending.declared:
                async with self._sending.channel() as channel:
                    await self._queues.declare(channel, queue)
                self._sending.declared.add(queue)

    async def _leave(self, subscription: Subscription) -> None:
        task = self._subscriptions.pop(subscription, None)
        if task is not None:
            await cancel([task])
