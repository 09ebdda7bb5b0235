"""A subscription: a consumer of its own, with a connection of its own, that outlives whatever happens to the server."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final, NamedTuple

from paigeant.abc import Delivery
from paigeant.errors import ConfigError, PaigeantError, Unavailable
from paigeant.transports.redis.server import GroupGone, Line, Server
from paigeant.transports.redis.streams import GIVE_BACK, GROUP, TAKE, TIDY, make_group

BLOCK: Final = 2.0
"""Seconds that a read waits for a message."""

CLAIM: Final = 2.0
"""Seconds between two looks for what the dead left."""

IDLE: Final = 30.0
"""Seconds after which a message that was neither acknowledged nor held on to counts as left behind."""

BEAT: Final = 10.0
"""Seconds after which a living subscriber shows that it holds on to what it was given."""

FORGOTTEN: Final = 3600.0
"""Seconds of silence after which a consumer without messages is removed."""

CLOSING: Final = 3.0
"""Seconds that giving back may take."""

AGAIN: Final = (0.1, 5.0)
"""Seconds until a server that is away is asked again: at first, doubling, and at most."""

_LOG: Final = logging.getLogger("paigeant")


class Entry(NamedTuple):
    """A message where it lies."""

    key: str
    id: str
    delivery: Delivery


class Subscription:
    """Reads one message at a time, and holds on to each until it is settled."""

    def __init__(self, server: Server, line: Line, topics: Mapping[str, str]) -> None:
        """Read ``topics``, by the keys of their streams; ``line`` is for all that does not block."""
        self._server = server
        self._line = line
        self._topics = topics
        self._keys = deque(topics)
        self._consumer = secrets.token_hex(8)
        self._reader: Line | None = None
        self._client_id: int | None = None
        self._claim_at = 0.0
        self._beating: asyncio.Task[None] | None = None
        self._pause = 0.0
        self._closed = False
        self.held: list[Entry] = []

    async def next(self) -> Delivery | None:
        """Return the next message, None after :meth:`close`. Waits as long as the server is away."""
        self._beating = self._beating or asyncio.create_task(self._beat())
        while not self._closed:
            try:
                entry = await self._read()
            except Unavailable as error:
                await self._recover(error)
                continue
            if self._pause:
                self._pause = 0.0
                _LOG.info("%s answers again", self._server.name)
            if entry is not None:
                return entry.delivery
        return None

    def forget(self, entries: Collection[Entry]) -> None:
        """Let go of what was settled."""
        self.held = [entry for entry in self.held if entry not in entries]

    async def close(self) -> None:
        """Queue anew what is not settled, and leave; what cannot be given back comes again when it is left behind."""
        if self._closed:
            return
        self._closed = True
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        self.held = []
        with suppress(PaigeantError, TimeoutError):
            async with asyncio.timeout(CLOSING):
                await self._stop_reading()
                await self._give_back("leave")
        if self._reader is not None:
            await self._reader.close()

    async def _read(self) -> Entry | None:
        """Take a message, or wait for one for a while. What it returns is held."""
        try:
            reader = self._reader or await self._open()
            return await self._take(reader) or await self._wait(reader)
        except GroupGone:
            # Only now: where they are, a server whose memory is full would refuse to make them, and nobody would read.
            for key in self._topics:
                await make_group(self._line, key)
            return None

    async def _open(self) -> Line:
        """Connect; what an earlier connection was answered without hearing it is queued anew."""
        self._reader = Line(self._server, 1)
        with suppress(ConfigError):  # not allowed: then closing takes as long as a read
            self._client_id = await self._reader.ask("CLIENT", "ID")
        await self._give_back("stay")
        await self._run(TIDY, GROUP, int(FORGOTTEN * 1000))
        return self._reader

    async def _take(self, reader: Line) -> Entry | None:
        """Take what waits, the streams in turn."""
        self._keys.rotate(-1)
        idle = int(IDLE * 1000) if monotonic() >= self._claim_at else 0
        arguments = (GROUP, self._consumer, idle)
        answer = await reader.ask("EVAL", TAKE, len(self._keys), *self._keys, *arguments)
        if idle and not (answer and answer[0]):
            self._claim_at = monotonic() + CLAIM
        if answer is None:
            return None
        return self._hold(*answer[1:])

    async def _wait(self, reader: Line) -> Entry | None:
        """Wait until a message comes. Should several streams have got one meanwhile, all but one go back."""
        if self._closed:
            return None
        options = ("GROUP", GROUP, self._consumer, "COUNT", 1, "BLOCK", int(BLOCK * 1000), "STREAMS")
        streams: Any = await reader.ask("XREADGROUP", *options, *self._keys, *([">"] * len(self._keys)))
        if not streams:
            return None
        [key, entries] = streams[0]
        entry = self._hold(key, *entries[0])
        if len(streams) > 1:
            with suppress(Unavailable):  # they are given back once they are left behind
                await self._give_back("stay")
        return entry

    def _hold(self, key: bytes, entry_id: bytes, flat: Sequence[bytes]) -> Entry:
        """Hold on to an entry. One that is none of ours has no body, and will be rejected as what it is."""
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        name, place = key.decode(), entry_id.decode()
        message_id = fields.get(b"i", entry_id).decode(errors="replace")
        entry = Entry(name, place, Delivery(message_id, self._topics[name], fields.get(b"b", b"")))
        self.held.append(entry)
        return entry

    async def _give_back(self, how: str) -> None:
        await self._run(GIVE_BACK, GROUP, self._consumer, how, *(f"{entry.key} {entry.id}" for entry in self.held))

    async def _run(self, script: str, *arguments: str | int) -> None:
        await self._line.ask("EVAL", script, len(self._topics), *self._topics, *arguments)

    async def _stop_reading(self) -> None:
        """Return when the server will read nothing more for us: a read that merely loses its connection may do so."""
        while self._reader is not None and not await self._reader.idle(0.0):
            if self._client_id is not None:
                try:
                    await self._line.ask("CLIENT", "UNBLOCK", self._client_id)
                except ConfigError:
                    self._client_id = None
            await self._reader.idle(0.05)

    async def _beat(self) -> None:
        """Keep what is held from being taken for left behind: its place may be waiting for a slot, for hours."""
        while True:
            await asyncio.sleep(BEAT)
            for entry in list(self.held):
                with suppress(PaigeantError, GroupGone):
                    await self._line.ask("XCLAIM", entry.key, GROUP, self._consumer, 0, entry.id, "JUSTID")

    async def _recover(self, error: Unavailable) -> None:
        """Drop the connection and wait, ever longer."""
        if not self._pause:
            _LOG.warning("%s; messages come again when it does", error)
        if self._reader is not None:
            await self._reader.close()
        self._reader = self._client_id = None
        self._pause = min(max(self._pause * 2, AGAIN[0]), AGAIN[1])
        await asyncio.sleep(self._pause)
