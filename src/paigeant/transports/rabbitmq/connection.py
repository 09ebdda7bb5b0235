"""Connection to RabbitMQ: opened on demand; every call has a timeout and raises Paigeant's errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, Final

from aio_pika import Connection, Message
from aio_pika import exceptions as amqp
from aio_pika.abc import AbstractChannel

from paigeant.errors import ConfigError
from paigeant.transports.rabbitmq.address import RabbitMQAddress
from paigeant.transports.rabbitmq.failures import FAULTS, is_own_cancellation, translate

PATIENCE: Final = 9.0
"""Call timeout in seconds; less than the engine's timeout of a publish."""

CLOSING: Final = 2.0
"""Close timeout, in seconds."""

IN_FLIGHT: Final = 512
"""Publish window: limit of messages that wait for their confirmation."""

HEARTBEAT: Final = 10
"""Heartbeat interval, in seconds; three missed ones end the connection."""

SUSPECT: Final = 5.0
"""Age in seconds from which a connection is dropped on which the broker refuses a necessary operation. Not at once: if
the user lacks a permission for good, each refused message would cost the connection of the others."""


class AmqpConnection:
    """A connection that is recreated once it is lost, or leads to a broker that refuses necessary operations.

    After a failover behind one address an old broker may go on answering on an existing connection, without our queues,
    user or permissions: only a new connection finds the right one.
    """

    def __init__(self, address: RabbitMQAddress, name: str) -> None:
        self._address, self._name = address, name
        self._connected_at = 0.0
        self._connecting, self._opening = asyncio.Lock(), asyncio.Lock()
        self._connection: Connection | None = None
        self._publisher: AbstractChannel | None = None
        self._in_flight = asyncio.Semaphore(IN_FLIGHT)
        self._goodbyes: set[asyncio.Task[None]] = set()
        self.declared: set[str] = set()

    @property
    def name(self) -> str:
        """Display name of the broker."""
        return self._address.name

    @asynccontextmanager
    async def limits(self) -> AsyncGenerator[None]:
        """Timeout and translation of errors: raises Unavailable or ConfigError for any failure inside.

        A timeout drops the connection: a late answer could be taken for that of another call.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                yield
        except FAULTS as error:
            if is_own_cancellation(error):
                raise
            translated = translate(self._address.name, error, PATIENCE)
            refused = isinstance(translated, ConfigError) and monotonic() > self._connected_at + SUSPECT
            if refused or isinstance(error, TimeoutError):
                self.drop()
            raise translated from error

    async def connect(self) -> Connection:
        """Return the connection; to be called within :meth:`limits`, as all calls on it."""
        async with self._connecting:
            if self._connection is None or not self._connection.connected.is_set():
                self.drop()
                self._connection = await _connect(self._address, self._name)
                self._connected_at = monotonic()
                self.declared.clear()
            return self._connection

    @asynccontextmanager
    async def channel(self) -> AsyncGenerator[AbstractChannel]:
        """Open a channel; if it cannot be closed in the end, the connection is dropped with it."""
        async with self.limits():
            channel = await (await self.connect()).channel(publisher_confirms=False)
        try:
            yield channel
        finally:
            try:
                async with asyncio.timeout(CLOSING):
                    await channel.close()
            except FAULTS as error:
                self.drop()
                if is_own_cancellation(error):
                    raise

    def knows(self, queue: str) -> bool:
        """True if this queue was declared on the present connection."""
        return queue in self.declared and self._connection is not None and self._connection.connected.is_set()

    async def put(self, queue: str, message: Message) -> None:
        """Publish directly to a queue; returns when the broker has confirmed it, raises if the queue does not exist."""
        publisher = self._publisher
        if publisher is None or publisher.is_closed:
            publisher = await self._open_publisher()
        posting: Any = await publisher.get_underlay_channel()
        try:
            async with self._in_flight:
                # Without waiting for the socket to drain, which would serialise concurrent publishers.
                await posting.basic_publish(
                    message.body, routing_key=queue, properties=message.properties, mandatory=True, wait=False
                )
        except amqp.PublishError:
            # The broker keeps a state of this queue with the channel. If the queue is recreated before that is cleared,
            # what is published here is confirmed and lost (RabbitMQ 3.10.8).
            if self._publisher is publisher:
                self._publisher = None
                await publisher.close()
            raise

    async def _open_publisher(self) -> AbstractChannel:
        connection = await self.connect()
        async with self._opening:
            if self._publisher is None or self._publisher.is_closed:
                self._publisher = await connection.channel(publisher_confirms=True, on_return_raises=True)
            return self._publisher

    def drop(self) -> None:
        """Drop the connection, and close it in the background."""
        connection, self._connection, self._publisher = self._connection, None, None
        if connection is not None:
            goodbye = asyncio.create_task(_close(connection))
            self._goodbyes.add(goodbye)
            goodbye.add_done_callback(self._goodbyes.discard)

    async def close(self) -> None:
        """Drop the connection and wait until it is closed."""
        self.drop()
        await asyncio.gather(*self._goodbyes, return_exceptions=True)


async def _connect(address: RabbitMQAddress, name: str) -> Connection:
    options = {"heartbeat": str(HEARTBEAT), "name": name} | dict(address.url.query)
    connection = Connection(address.url.with_query(options))
    try:
        await connection.connect()
    except BaseException:
        await connection.close()
        raise
    return connection


async def _close(connection: Connection) -> None:
    with suppress(Exception):
        async with asyncio.timeout(CLOSING):
            await connection.close()
