"""Event stream of changes; one watcher queries the store, however many clients listen.

An event id is unique to the server process, and contains the number of the newest change. The response class is our
own: it ends with the client, and at once with the server.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from paigeant.abc import RunReader
from paigeant.aio.race import cancel
from paigeant.errors import PaigeantError

QUIET: Final = 15.0
"""Seconds after which an idle stream sends a comment, since a proxy would otherwise end it."""

PAUSE: Final = 1.0
"""Minimum of seconds between two events."""

MOST: Final = 500
"""Limit of concurrent streams."""

_LOG: Final = logging.getLogger("paigeant.web")


class Watcher:
    """Waits for changes of a store, and wakes the listening streams, once a second at most."""

    def __init__(self, reader: Callable[[], RunReader]) -> None:
        """Watch the store that is returned, from the first stream on."""
        self._reader = reader
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._server = secrets.token_hex(4)
        self.number: int = 0
        self.stopping: bool = False
        self.streams: int = 0

    @property
    def newest(self) -> str:
        """Id of the newest change; unique to this server process."""
        return f"{self._server}-{self.number}"

    def start(self) -> None:
        """Begin to watch, unless it does so already."""
        if all(task.done() for task in self._tasks):
            self._tasks = [asyncio.create_task(self._watch(), name="paigeant-watcher")]

    async def stop(self) -> None:
        """End all streams now, and stop watching."""
        async with self._changed:
            self.stopping = True
            self._changed.notify_all()
        await cancel(self._tasks)

    async def _watch(self) -> None:
        seen = 0
        while True:
            try:
                now = await self._reader().wait_for_change(seen, QUIET)
            except Exception as error:  # noqa: BLE001  (of a store or a plugin: those who listen still do)
                expected = isinstance(error, PaigeantError | OSError)
                _LOG.warning("the store cannot be watched: %s", error, exc_info=None if expected else error)
                await asyncio.sleep(PAUSE)
                continue
            if now != seen:
                seen = now
                async with self._changed:
                    self.number += 1
                    self._changed.notify_all()
                await asyncio.sleep(PAUSE)

    async def next(self, seen: str) -> str:
        """Return the id of the newest change once it is not ``seen``, or after 15 seconds."""
        async with self._changed:
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET):
                    await self._changed.wait_for(lambda: self.stopping or self.newest != seen)
            return self.newest


class EventStream(Response):
    """Server-sent events: one for each change from now on."""

    media_type = "text/event-stream"

    def __init__(self, watcher: Watcher, last_seen: str | None) -> None:
        """Send an event at once unless ``last_seen`` is the newest; without it, only new changes."""
        super().__init__(headers={"x-accel-buffering": "no"})
        self._watcher = watcher
        self._seen = last_seen or watcher.newest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client disconnects or the server stops."""
        del scope
        headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        self._watcher.start()
        self._watcher.streams += 1
        tasks = [asyncio.create_task(self._stream(send)), asyncio.create_task(_gone(receive))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._watcher.streams -= 1
            await cancel(tasks)
        with suppress(OSError, RuntimeError):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _stream(self, send: Send) -> None:
        text = ": hello\n\n"
        while not self._watcher.stopping:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            newest = await self._watcher.next(self._seen)
            same, self._seen = newest == self._seen, newest
            text = ": still here\n\n" if same else f"id: {newest}\nevent: changed\ndata: {{}}\n\n"


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
