"""Redis transport: messages in Redis Streams, one stream for each topic with one consumer group."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Sequence
from types import TracebackType
from typing import Final, NamedTuple, Self

from paigeant.abc import Delivery, Transport
from paigeant.aio.batch import Batcher, Limits
from paigeant.errors import ConfigError
from paigeant.model.checks.findings import Finding
from paigeant.model.hops import Sealed
from paigeant.transports.redis.address import RedisAddress
from paigeant.transports.redis.checks import examine, require_usable
from paigeant.transports.redis.connection import RedisConnection
from paigeant.transports.redis.streams import DEAD_LETTERS, GROUP, PUT, dead_letters_of, make_group, queue_of
from paigeant.transports.redis.subscription import CLOSING, Entry, Subscription

CONNECTIONS: Final = 8
"""Pool size: connections for commands that do not block; each subscription has one more."""


BATCH: Final = 256
"""Batch limit: messages added, or settled, in one round trip."""

BATCH_BYTES: Final = 1024 * 1024
"""Batch limit: approximate bytes of messages in one round trip."""


class Posting(NamedTuple):
    """A message to be published, and the stream it goes to."""

    key: str
    message: Sealed


class RedisStreamTransport(Transport):
    """Moves messages over Redis 7.0 or newer: ``redis://user:password@host:6379/0``, or ``rediss://`` for TLS.

    Each topic of a namespace is a stream with one consumer group. A message is pending from its delivery to its
    acknowledgement, which deletes it; rejected messages are kept in one stream of the namespace, with the reason, until
    an operator removes them. A subscription outlives restarts of the server, lost connections and FLUSHALL.

    The server may lose everything: each message has its durable twin in the store and is announced again from there.
    Only rejected messages have no run that waits for them, and would be lost for good: an eviction policy is therefore
    refused in production, and otherwise draws a warning.

    An active subscriber gets up to 64 messages at a time; those that it does not request within a second return.
    Messages of a killed subscriber reach others after 30 seconds, or sooner from the store; a living one keeps its
    messages, however long.
    """

    def __init__(self, url: str, *, namespace: str = "default") -> None:
        self._address = RedisAddress(url)
        self._namespace = namespace
        self._opened: RedisConnection | None = None
        self._subscriptions: set[Subscription] = set()
        self._grouped: set[str] = set()
        limits = Limits(BATCH, BATCH_BYTES, lambda posting: len(posting.message.body))
        self._publishing: Batcher[Posting, None] = Batcher(self._put, limits, name="transport")
        self._settling: Batcher[Entry, None] = Batcher(self._settle, Limits(BATCH), name="transport")

    async def __aenter__(self) -> Self:
        connection = RedisConnection(self._address, CONNECTIONS)
        try:
            await require_usable(connection, dead_letters_of(self._namespace))
        except BaseException:
            await connection.close()
            raise
        self._opened = connection
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._opened = self._opened, None  # first, so that no subscription begins meanwhile
        for subscription in list(self._subscriptions):
            await subscription.close()
        if connection is not None:
            await asyncio.gather(self._publishing.close(CLOSING), self._settling.close(CLOSING))
            await connection.close(within=CLOSING)

    @property
    def _connection(self) -> RedisConnection:
        if self._opened is None:
            text = "the Redis transport is not open: use it as `async with`"
            raise ConfigError(text)
        return self._opened

    async def examine(self) -> Sequence[Finding]:
        return await examine(self._connection, dead_letters_of(self._namespace), DEAD_LETTERS)

    async def publish(self, topic: str, message: Sealed) -> None:
        key = queue_of(self._namespace, topic)
        if key not in self._grouped:
            await make_group(self._connection, key)
            self._grouped.add(key)
        await self._publishing.ask(Posting(key, message))

    async def _put(self, postings: Sequence[Posting]) -> Sequence[Exception | None]:
        """Add messages to their streams in one round trip; a refused one, for example too large, fails alone."""
        keys = [posting.key for posting in postings]
        fields = [field for _, message in postings for field in (message.message_id, message.body)]
        try:
            said: list[bytes] = await self._connection.ask("EVAL", PUT, len(keys), *keys, *fields)
        except ConfigError as error:  # no permission to run scripts: it applies to all of them
            return [error] * len(postings)
        return [self._connection.translate_answer(wrong.decode()) if wrong else None for wrong in said]

    async def subscribe(self, topics: Collection[str]) -> AsyncGenerator[Delivery, None]:
        keys = {queue_of(self._namespace, topic): topic for topic in topics}
        subscription = Subscription(self._address, self._connection, keys, self.reporter)
        self._subscriptions.add(subscription)
        try:
            while (delivery := await subscription.next()) is not None:
                yield delivery
        finally:
            await subscription.close()
            self._subscriptions.discard(subscription)

    async def ack(self, message_id: str) -> None:
        for entry in self._held(message_id):
            await self._settling.ask(entry)

    async def reject(self, message_id: str, reason: str) -> None:
        held = self._held(message_id)
        if held:
            # Not in one MULTI with the acknowledgement: that would be executed even if this were refused.
            [_, topic, body] = held[0].delivery
            fields = ("i", message_id, "topic", topic, "reason", reason, "b", body)
            await self._connection.ask("XADD", dead_letters_of(self._namespace), "MAXLEN", DEAD_LETTERS, "*", *fields)
            await self.ack(message_id)

    def _held(self, message_id: str) -> list[Entry]:
        return [entry for subscription in self._subscriptions for entry in subscription.held.get(message_id, ())]

    async def _settle(self, entries: Sequence[Entry]) -> list[None]:
        """Delete and acknowledge, in this order: a claim clears a merely deleted entry; the other order leaks it."""
        places: defaultdict[str, list[str]] = defaultdict(list)
        for entry in entries:
            places[entry.key].append(entry.id)
        commands = [
            command for key, ids in places.items() for command in (("XDEL", key, *ids), ("XACK", key, GROUP, *ids))
        ]
        await self._connection.ask_all(*commands)
        for subscription in self._subscriptions:
            for entry in entries:
                subscription.forget(entry)
        return [None] * len(entries)

    async def depth(self, topic: str) -> int:
        return int(await self._connection.ask("XLEN", queue_of(self._namespace, topic)))
