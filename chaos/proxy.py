"""A TCP proxy that misbehaves on request: it delays, holds one way or both, loses answers, resets, refuses."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Collection
from contextlib import suppress
from enum import StrEnum
from typing import Final, Self

_PIECE: Final = 65_536
_CONNECT: Final = 3.0
"""Seconds that the server may take to accept."""


class Way(StrEnum):
    """Which way bytes go."""

    UP = "up"
    """From the client to the server."""
    DOWN = "down"


BOTH: Final = frozenset(Way)


class Proxy:
    """Stands at a port of its own before one server, used as ``async with``.

    What is set holds for all connections, those that there are and those to come, until it is set otherwise.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        """Stand before the server at this address."""
        self._there = host, port
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = {way: asyncio.Event() for way in Way}
        self.port = 0
        self.latency = 0.0
        """Seconds that each piece is late."""
        self.refusing = False
        """New connections are reset."""
        self.losing = 0
        """So many of the next answers are lost: the server did it, and the connection is reset instead."""
        self.release()

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all connections."""
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def lead_to(self, port: int, host: str = "127.0.0.1") -> None:
        """Lead new connections to another server, as an address does after a failover; old ones stay where they are."""
        self._there = host, port

    def hold(self, ways: Collection[Way] = BOTH) -> None:
        """Let nothing pass these ways, as when a route is gone: sockets stay open, and what is sent waits."""
        for way in ways:
            self._open[way].clear()

    def release(self) -> None:
        """Let everything pass again, what has waited first."""
        for event in self._open.values():
            event.set()

    def cut(self) -> None:
        """Reset all connections."""
        for pair in list(self._pairs):
            _reset(*pair)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            _reset(writer)
            return
        try:
            async with asyncio.timeout(_CONNECT):
                there = await asyncio.open_connection(*self._there)
        except (OSError, TimeoutError):
            _reset(writer)
            return
        pair = writer, there[1]
        self._pairs.add(pair)
        both = asyncio.gather(self._move(reader, there[1], Way.UP), self._move(there[0], writer, Way.DOWN))
        task = asyncio.ensure_future(self._until_over(both, pair))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _until_over(
        self, both: asyncio.Future[tuple[None, None]], pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    ) -> None:
        try:
            await both
        finally:
            self._pairs.discard(pair)
            for writer in pair:
                writer.close()

    async def _move(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: Way) -> None:
        with suppress(OSError):
            while data := await source.read(_PIECE):
                if self.latency:
                    await asyncio.sleep(self.latency)
                await self._open[way].wait()
                if way is Way.DOWN and self.losing > 0:
                    self.losing -= 1
                    break
                sink.write(data)
                await sink.drain()
            else:
                if sink.can_write_eof():
                    sink.write_eof()
                return
        for pair in [pair for pair in self._pairs if sink in pair]:
            _reset(*pair)


def _reset(*writers: asyncio.StreamWriter) -> None:
    """End connections with a reset, not in order."""
    for writer in writers:
        with suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
