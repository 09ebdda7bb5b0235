"""Connection to RabbitMQ: made when it is needed, every call on it with a time limit and errors of ours."""

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
"""Call timeout: seconds that the broker may take for anything; less than the engine's limit for a publish."""

CLOSING: Final = 2.0
"""Close timeout, in seconds."""

IN_FLIGHT: Final = 512
"""Publish window: messages that may wait for their confirmation at a time."""

HEARTBEAT: Final = 10
"""Heartbeat interval, in seconds; three that are missed end the connection."""

SUSPECT: Final = 5.0
"""Age in seconds from which a connection is given up on which the broker refuses what we need. Not at once: a user who
lacks rights for good would make each refused message cost the connection on which the others travel."""


class AmqpConnection:
    """A connection that is recreated once it is lost, or leads to a broker that refuses what the right one allows.

    After a failover behind one address a broker that is not meant any more may go on answering on it, without our
    queues, user or rights: nothing but a new connection finds the right one.
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
        """The broker, as a person would name it."""
        return self._address.name

    @asynccontextmanager
    async def limits(self) -> AsyncGenerator[None]:
        """Time limit and translation of errors: raises Unavailable or ConfigError for whatever goes wrong inside.

        No answer in time costs the connection: what comes late could be taken for the answer to something else.
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
        """Return the connection; to be called within :meth:`limits`, as all that follows."""
        async with self._connecting:
            if self._connection is None or not self._connection.connected.is_set():
                self.drop()
                self._connection = await _connect(self._address, self._name)
                self._connected_at = monotonic()
                self.declared.clear()
            return self._connection

    @asynccontextmanager
    async def channel(self) -> AsyncGenerator[AbstractChannel]:
        """Open a channel; one that cannot be closed in the end takes the connection with it."""
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
        """Tell whether this queue was declared on the connection that there is."""
        return queue in self.declared and self._connection is not None and self._connection.connected.is_set()

    async def put(self, queue: str, message: Message) -> None:
        """Publish straight into a queue; returns when the broker has confirmed it, raises if there is no such queue."""
        publisher = self._publisher
        if publisher is None or publisher.is_closed:
            publisher = await self._open_publisher()
        posting: Any = await publisher.get_underlay_channel()
        try:
            async with self._in_flight:
                # Without waiting for the socket to take it, which would make of many publishers a single file.
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
        """Give the connection up, and close it in the background."""
        connection, self._connection, self._publisher = self._connection, None, None
        if connection is not None:
            goodbye = asyncio.create_task(_close(connection))
            self._goodbyes.add(goodbye)
            goodbye.add_done_callback(self._goodbyes.discard)

    async def close(self) -> None:
        """Drop the connection and wait until it is gone."""
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
