"""A proxy before one Redis that answers commands with an error of its own choice, as a server in trouble does."""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Final, Self

_OF_THE_CONNECTION: Final = frozenset({b"AUTH", b"HELLO", b"SELECT", b"CLIENT", b"PING", b"INFO", b"QUIT"})
"""What a server answers in whatever trouble it is, unless told otherwise."""


class RespProxy:
    """Stands at a port of its own before a Redis, used as ``async with``; speaks RESP2, a command at a time."""

    def __init__(self, port: int) -> None:
        """Stand before the server at this port of the machine."""
        self._there = port
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.error: str | None = None
        """What each command is answered with, as ``LOADING …``; None lets all of them pass."""
        self.spared: AbstractSet[bytes] = _OF_THE_CONNECTION
        """Commands that pass nevertheless."""
        self.refused = 0
        """How often the error was given."""

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all connections."""
        self._server.close()
        for writer in self._streams:
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there = await asyncio.open_connection("127.0.0.1", self._there)
        self._streams |= {writer, there[1]}
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._pass(reader, writer, *there)
        finally:
            for each in (writer, there[1]):
                each.close()
                self._streams.discard(each)

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        server: asyncio.StreamWriter,
    ) -> None:
        aborted = False
        while True:
            raw = await _read(reader)
            name = raw.split(b"\r\n")[2].upper()
            if self.error is not None and name not in self.spared:
                self.refused += 1
                if name == b"EXEC":
                    writer.write(b"-EXECABORT Transaction discarded because of previous errors.\r\n")
                elif name == b"MULTI":
                    aborted = True
                    writer.write(b"+OK\r\n")
                else:
                    writer.write(f"-{self.error}\r\n".encode())
            elif aborted:  # the rest of a transaction that began in trouble
                aborted = name != b"EXEC"
                writer.write(b"+QUEUED\r\n" if aborted else b"-EXECABORT Transaction discarded.\r\n")
            else:
                server.write(raw)
                answer = await _read(answers)
                writer.write(answer)
            await writer.drain()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Return one value of RESP2 as it came."""
    line = await reader.readuntil(b"\r\n")
    kind, said = line[:1], line[1:-2]
    if kind == b"$" and int(said) >= 0:
        return line + await reader.readexactly(int(said) + 2)
    if kind == b"*" and int(said) > 0:
        return line + b"".join([await _read(reader) for _ in range(int(said))])
    return line
