"""Subscription: one consumer of the consumer group, on a connection of its own, that outlives outages of the server."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final, NamedTuple

from paigeant.abc import Delivery, Reporter
from paigeant.aio.backoff import Backoff
from paigeant.aio.race import cancel
from paigeant.errors import ConfigError, PaigeantError, Unavailable
from paigeant.model.events import ConnectionLost, ConnectionRestored
from paigeant.transports.redis.address import RedisAddress
from paigeant.transports.redis.connection import RedisConnection
from paigeant.transports.redis.failures import GroupMissing
from paigeant.transports.redis.streams import GIVE_BACK, GROUP, TAKE, TIDY, make_group

BLOCK: Final = 2.0
"""Read timeout: seconds that a blocking read waits for a message."""

CLAIM: Final = 2.0
"""Claim interval: seconds between two claims of messages whose consumer is dead."""

IDLE: Final = 30.0
"""Idle limit: seconds after which a pending message without renewal is claimed by another consumer."""

AHEAD: Final = 64
"""Prefetch limit: messages in one read of an active subscriber."""

HOLDING: Final = 1.0
"""Prefetch timeout: seconds after which unrequested messages return to the queue."""

BEAT: Final = 10.0
"""Heartbeat interval: seconds after which a subscriber renews its claim on pending messages."""

FORGOTTEN: Final = 3600.0
"""Consumer expiry: seconds of silence after which a consumer without messages is removed."""

CLOSING: Final = 3.0
"""Close timeout: seconds for returning messages."""


class Entry(NamedTuple):
    """Stream entry: a message, and its stream and id."""

    key: str
    id: str
    delivery: Delivery


class Subscription:
    """One consumer: reads as much as is requested in a row, and renews its claim on each unsettled message."""

    def __init__(
        self, address: RedisAddress, shared: RedisConnection, topics: Mapping[str, str], reporter: Reporter
    ) -> None:
        """Read ``topics``, by the keys of their streams; ``shared`` is the connection for other commands."""
        self._address = address
        self._shared = shared
        self._topics = topics
        self._reporter = reporter
        self._keys = deque(topics)
        self._consumer = secrets.token_hex(8)
        self._reader: RedisConnection | None = None
        self._client_id: int | None = None
        self._has_read = False
        self._claim_at = 0.0
        self._watching: asyncio.Task[None] | None = None
        self._reading = asyncio.Lock()
        self._ahead: deque[Entry] = deque()
        self._most = 1
        self._asked_last = monotonic()
        self._backoff = Backoff(0.1, 5.0)
        self._closing: asyncio.Task[None] | None = None
        self.held: dict[str, list[Entry]] = {}

    async def next(self) -> Delivery | None:
        """Return the next message, None after :meth:`close`. Waits as long as the server is unavailable.

        Raises ConfigError for a server that could never be read. After a successful read every error is waited for, so
        that deliveries held meanwhile can be acknowledged later.
        """
        self._watching = self._watching or asyncio.create_task(self._watch())
        while not self._ahead and not self._closed:
            async with self._reading:
                try:
                    await self._read()
                except (Unavailable, ConfigError) as error:
                    if isinstance(error, ConfigError) and not self._has_read:
                        raise
                    await self._recover(error)
                    continue
                self._has_read = True
            if self._backoff.attempts:
                if self._reporter.wants(ConnectionRestored):
                    self._reporter.report(ConnectionRestored(self._address.name, self._backoff.attempts))
                self._backoff.reset()
        self._asked_last = monotonic()
        if self._closed:
            return None
        entry = self._ahead.popleft()
        self.held.setdefault(entry.delivery.message_id, []).append(entry)
        return entry.delivery

    def forget(self, entry: Entry) -> None:
        """Forget a settled entry."""
        message_id = entry.delivery.message_id
        others = [other for other in self.held.pop(message_id, []) if other != entry]
        if others:
            self.held[message_id] = others

    @property
    def _closed(self) -> bool:
        return self._closing is not None

    async def close(self) -> None:
        """Requeue unsettled messages, and leave; those that cannot be requeued are claimed later by others.

        It completes even if its caller gives up, and may be awaited again.
        """
        self._closing = self._closing or asyncio.create_task(self._leave(), name="paigeant-leaving")
        await asyncio.shield(self._closing)

    async def _leave(self) -> None:
        if self._watching is not None:
            await cancel([self._watching])
        self.held = {}
        self._ahead.clear()
        with suppress(PaigeantError, TimeoutError):
            async with asyncio.timeout(CLOSING):
                await self._stop_reading()
                await self._give_back("leave")
        if self._reader is not None:
            await self._reader.close()

    async def _read(self) -> None:
        """Take waiting messages, or block for a while until some arrive."""
        try:
            reader = self._reader or await self._open()
            if not await self._take(reader):
                await self._wait(reader)
        except GroupMissing:
            # Only on this error: a server with full memory would refuse to create existing ones, and nobody could read.
            for key in self._topics:
                await make_group(self._shared, key)

    async def _open(self) -> RedisConnection:
        """Connect; unheard deliveries to an earlier connection are requeued."""
        self._reader = RedisConnection(self._address, 1)
        with suppress(ConfigError):  # no permission: closing then takes as long as a read
            self._client_id = await self._reader.ask("CLIENT", "ID")
        await self._give_back("stay")
        await self._run(TIDY, GROUP, int(FORGOTTEN * 1000))
        return self._reader

    async def _take(self, reader: RedisConnection) -> bool:
        """Take waiting messages, the streams in turn; twice as many if the last read left some."""
        self._keys.rotate(-1)
        idle = int(IDLE * 1000) if monotonic() >= self._claim_at else 0
        arguments = (GROUP, self._consumer, self._most, idle)
        [left, taken] = await reader.ask("EVAL", TAKE, len(self._keys), *self._keys, *arguments)
        if idle and not left:
            self._claim_at = monotonic() + CLAIM
        self._ahead.extend(self._entry(*entry) for entry in taken)
        if len(taken) >= self._most:
            self._most = min(2 * self._most, AHEAD)
        return bool(taken)

    async def _wait(self, reader: RedisConnection) -> None:
        """Block until a message arrives."""
        if self._closed:
            return
        options = ("GROUP", GROUP, self._consumer, "COUNT", 1, "BLOCK", int(BLOCK * 1000), "STREAMS")
        streams: Any = await reader.ask("XREADGROUP", *options, *self._keys, *([">"] * len(self._keys)))
        for key, entries in streams or ():
            self._ahead.extend(self._entry(key, *entry) for entry in entries)

    def _entry(self, key: bytes, entry_id: bytes, flat: Sequence[bytes]) -> Entry:
        """Return an entry. If it is not one of ours, its body is all of its fields, so that nothing is lost."""
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        name, place = key.decode(), entry_id.decode()
        message_id = fields.get(b"i", entry_id).decode(errors="replace")
        return Entry(name, place, Delivery(message_id, self._topics[name], fields.get(b"b", b" ".join(flat))))

    def _kept(self) -> list[Entry]:
        return [entry for entries in self.held.values() for entry in entries] + list(self._ahead)

    async def _give_back(self, how: str) -> None:
        kept = (f"{entry.key} {entry.id}" for entry in self._kept())
        await self._run(GIVE_BACK, GROUP, self._consumer, how, *kept)

    async def _run(self, script: str, *arguments: str | int) -> None:
        await self._shared.ask("EVAL", script, len(self._topics), *self._topics, *arguments)

    async def _stop_reading(self) -> None:
        """Return when the server reads nothing more for us: a read whose connection is merely lost may still do so."""
        while self._reader is not None and not await self._reader.idle(0.0):
            if self._client_id is not None:
                try:
                    await self._shared.ask("CLIENT", "UNBLOCK", self._client_id)
                except ConfigError:
                    self._client_id = None
            await self._reader.idle(0.05)

    async def _watch(self) -> None:
        """Requeue unrequested messages, and renew the claim on those that are held."""
        beat_at = monotonic() + BEAT
        while True:
            await asyncio.sleep(min(HOLDING, BEAT))
            if self._ahead and monotonic() > self._asked_last + HOLDING:
                async with self._reading:  # else messages that are just being read would be requeued too
                    self._most = 1
                    self._ahead.clear()
                    with suppress(PaigeantError, GroupMissing):  # then it is claimed by another consumer later
                        await self._give_back("stay")
            if monotonic() >= beat_at:
                beat_at = monotonic() + BEAT
                await self._beat()

    async def _beat(self) -> None:
        for entry in self._kept():  # it may wait for a slot for hours
            with suppress(PaigeantError, GroupMissing):
                await self._shared.ask("XCLAIM", entry.key, GROUP, self._consumer, 0, entry.id, "JUSTID")

    async def _recover(self, error: Unavailable | ConfigError) -> None:
        """Drop the connection and wait, with growing backoff."""
        if not self._backoff.attempts and self._reporter.wants(ConnectionLost):
            self._reporter.report(ConnectionLost(self._address.name, error))
        if self._reader is not None:
            await self._reader.close()
        self._reader = self._client_id = None
        await self._backoff.pause()
