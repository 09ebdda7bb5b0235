"""Messages over a RabbitMQ quorum queue, by aio-pika: confirms overlap, one acknowledgement is for many."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, Self

import aio_pika
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

PREFETCH = 256


class RabbitLine:
    """One connection with a channel each way, and a queue of its own."""

    def __init__(self, url: str) -> None:
        """Look at the URL only."""
        self._url = url
        self._arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._name = f"bench-{secrets.token_hex(4)}"

    async def __aenter__(self) -> Self:
        """Connect, and make the queue."""
        self._connection = await aio_pika.connect(self._url)
        self._sending = await self._connection.channel()
        receiving = await self._connection.channel()
        await receiving.set_qos(prefetch_count=PREFETCH)
        self._queue = await receiving.declare_queue(self._name, durable=True, arguments={"x-queue-type": "quorum"})
        await self._queue.consume(self._arrived.put)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Delete the queue, and disconnect."""
        await self._queue.delete(if_unused=False, if_empty=False)
        await self._connection.close()

    async def publish(self, bodies: list[tuple[str, bytes]]) -> None:
        """Send messages, each under its id; returns when the broker has them."""
        messages = [Message(body, delivery_mode=DeliveryMode.PERSISTENT, message_id=name) for name, body in bodies]
        sending = (self._sending.default_exchange.publish(message, self._name) for message in messages)
        await asyncio.gather(*sending)

    async def receive(self, limit: int) -> list[tuple[Any, str]]:
        """Wait for messages; returns for each its receipt and its id."""
        arrived = [await self._arrived.get()]
        while len(arrived) < limit and not self._arrived.empty():
            arrived.append(self._arrived.get_nowait())
        return [(message, str(message.message_id)) for message in arrived]

    async def ack(self, receipts: list[Any]) -> None:
        """Say that they have arrived."""
        await receipts[-1].ack(multiple=True)
