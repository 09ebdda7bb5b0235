"""RabbitMQ transport: messages in quorum queues, one a topic."""

# ruff: noqa: D102 -- what a method guarantees is said in the contract

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
"""Seconds until a queue that was deleted is recreated: its consumers must have heard of it by then."""

_LONGEST_REASON: Final = 1000


class RabbitMQTransport(Transport):
    """Moves messages through RabbitMQ 3.10 or newer: ``amqp://user:password@host:5672/vhost``, or ``amqps://``.

    Of the namespace ``shop`` it declares a quorum queue ``paigeant:shop:q:<topic>`` for each topic, and
    ``paigeant:shop:dead``. What was rejected lies among these dead letters as it came, with the headers
    ``paigeant-topic`` and ``paigeant-reason``; so does, with RabbitMQ's ``x-death`` for a reason, what came back
    unsettled 20 times.
    """

    def __init__(self, url: str, *, namespace: str = "default") -> None:
        self._address, self._queues = RabbitMQAddress(url), Queues(namespace)
        # Apart, because the broker stops reading where it will not take messages: acknowledgements must get through.
        self._sending = AmqpConnection(self._address, f"paigeant {namespace} sending")
        self._receiving = AmqpConnection(self._address, f"paigeant {namespace} receiving")
        self._repair = QueueRepair(self._address, f"paigeant {namespace} repair", lambda: self.reporter)
        self._declaring = asyncio.Lock()
        self._subscriptions: dict[Subscription, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        logger = logging.getLogger("aiormq")
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL)  # what goes wrong is raised, or logged by us: reported once, in one line
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
        # Of its own, for a broker with an alarm stops to listen to one on which somebody publishes.
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
                except amqp.PublishError:  # somebody has deleted the queue since
                    await asyncio.sleep(GONE)
                    self._sending.declared.discard(queue)
                    await self._ensure(queue)
                    await self._sending.put(queue, message)
        except Unavailable as error:
            if isinstance(error, NoAnswer) or queue == self._queues.dead:  # that is never full, and nobody consumes it
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
