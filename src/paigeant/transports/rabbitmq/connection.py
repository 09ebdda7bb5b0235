"""A line to the broker: one connection, and every call on it with a time limit and errors of ours."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from aio_pika import Connection, Message
from aio_pika import exceptions as amqp
from aio_pika.abc import AbstractChannel
from aio_pika.connection import make_url

from paigeant.errors import ConfigError, PaigeantError, Unavailable
from paigeant.plugins import redacted

PATIENCE: Final = 9.0
"""Seconds that the broker may take for anything; less than what the engine grants an announcement."""

CLOSING: Final = 2.0
"""Seconds that it may take for a goodbye."""

IN_FLIGHT: Final = 512
"""Messages that may wait for their confirmation at a time."""

HEARTBEAT: Final = 10
"""Seconds between heartbeats; three that are missed end the connection."""

FAULTS: Final = (*amqp.CONNECTION_EXCEPTIONS, ValueError, asyncio.CancelledError)
"""What a call to the broker may end with. A lost connection cancels futures that nobody else wanted cancelled."""


class Silent(Unavailable):
    """The broker did not answer in time, or one of its queues."""


class AmqpConnection:
    """A connection that is made when it is needed, and made anew once it is lost."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self._connecting, self._opening = asyncio.Lock(), asyncio.Lock()
        self._connection: Connection | None = None
        self._publisher: AbstractChannel | None = None
        self._in_flight = asyncio.Semaphore(IN_FLIGHT)
        self._goodbyes: set[asyncio.Task[None]] = set()
        self.declared: set[str] = set()

    @asynccontextmanager
    async def patience(self) -> AsyncGenerator[None]:
        """Raise Unavailable or ConfigError for whatever goes wrong inside; no answer in time costs the connection."""
        try:
            async with asyncio.timeout(PATIENCE):
                yield
        except FAULTS as error:
            if _is_ours(error):
                raise
            if isinstance(error, TimeoutError):
                self.drop()
            raise _explained(error, self._url) from error

    async def connect(self) -> Connection:
        """Return the connection; to be called within :meth:`patience`, as all that follows."""
        async with self._connecting:
            if self._connection is None or not self._connection.connected.is_set():
                self.drop()
                self._connection = await _connected(self._url, self._name)
                self.declared.clear()
            return self._connection

    @asynccontextmanager
    async def channel(self) -> AsyncGenerator[AbstractChannel]:
        """Open a channel; one that cannot be closed in the end takes the connection with it."""
        async with self.patience():
            channel = await (await self.connect()).channel(publisher_confirms=False)
        try:
            yield channel
        finally:
            try:
                async with asyncio.timeout(CLOSING):
                    await channel.close()
            except FAULTS as error:
                self.drop()
                if _is_ours(error):
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
            # The broker keeps a state of this queue with the channel. If the queue is made anew before that is cleared,
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
        """Forget the connection and take leave of it in the background."""
        connection, self._connection, self._publisher = self._connection, None, None
        if connection is not None:
            goodbye = asyncio.create_task(_close(connection))
            self._goodbyes.add(goodbye)
            goodbye.add_done_callback(self._goodbyes.discard)

    async def close(self) -> None:
        """Drop the connection and wait until it is gone."""
        self.drop()
        await asyncio.gather(*self._goodbyes, return_exceptions=True)


def _is_ours(error: BaseException) -> bool:
    """Tell whether it is this task that was cancelled, and not a future of a connection that was lost."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling() > 0)


async def _connected(url: str, name: str) -> Connection:
    parsed = make_url(url)
    asked = {"heartbeat": str(HEARTBEAT), "name": name} | dict(parsed.query)
    connection = Connection(parsed.with_query(asked))
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


def _explained(error: BaseException, url: str) -> PaigeantError:
    """Return what to tell a person: ConfigError for what waiting does not help, else Unavailable."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    said = " ".join(str(cause).split()) or type(error).__name__
    if isinstance(error, TimeoutError):
        return Silent(f"{redacted(url)}: RabbitMQ did not answer within {PATIENCE:g} s")
    if wrong := _wrong(cause, said):
        return ConfigError(redacted(f"{url}: {wrong}"))
    return Unavailable(redacted(f"{url}: RabbitMQ is away: {said}"))


def _wrong(error: BaseException, said: str) -> str:
    """Return what is wrong with a setting or with the broker, or nothing if waiting may help."""
    wrong = ""
    match error:
        case amqp.ProbableAuthenticationError() | amqp.AuthenticationError():
            wrong = "RabbitMQ refuses this user or password"
        case amqp.InvalidFrameError() if "Connection.Close" in str(error):  # its reason is lost on the way to here
            wrong = "RabbitMQ refuses this virtual host: it is not there, or not for this user"
        case amqp.ChannelPreconditionFailed():
            wrong = f"a queue is there with other arguments; delete it, and its messages are announced again: {said}"
        case amqp.ChannelClosed() if "ACCESS_REFUSED" in str(error):
            wrong = f"RabbitMQ does not let this user do what is needed: {said}"
        case amqp.IncompatibleProtocolError() | amqp.ProtocolSyntaxError():
            wrong = f"what answers there speaks no AMQP 0-9-1, or wants TLS (amqps://): {said}"
        case ssl.SSLError() | FileNotFoundError():
            wrong = f"no TLS with RabbitMQ: {said}"
        case ValueError():
            wrong = f"no URL of RabbitMQ: {said}"
        case _:
            pass
    return wrong
