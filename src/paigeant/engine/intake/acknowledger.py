"""Settling: telling the broker that it is done with a message. Nobody waits for that, and it may fail."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Self

from paigeant.abc import Transport
from paigeant.engine.runtime import Runtime

BACKOFF: Final = (0.1, 5.0)
"""Seconds until what could not be settled is tried again: at first, doubling, and at most."""

LAST_WORDS: Final = 2.0
"""Seconds that what is still to be settled gets at the end; what misses them comes again, and is refused then."""


class Acknowledger:
    """Acknowledges, or rejects, in the background: what gathered while others were under way goes at once."""

    def __init__(self, runtime: Runtime, transport: Transport) -> None:
        """Settle deliveries of this transport."""
        self._runtime = runtime
        self._transport = transport
        self._waiting: dict[str, str | None] = {}
        self._wake, self._idle = asyncio.Event(), asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start."""
        self._idle.set()
        self._loop = asyncio.create_task(self._run(), name="paigeant-settling")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Settle what is left, as far as it takes no time."""
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await self._idle.wait()
        finally:
            if self._loop is not None:
                self._loop.cancel()
                await asyncio.gather(self._loop, return_exceptions=True)

    def add(self, message_id: str, rejected: str | None = None) -> None:
        """Settle the deliveries of this id; with a reason, the broker is to keep the message with its dead letters."""
        self._waiting[message_id] = rejected or self._waiting.get(message_id)
        self._idle.clear()
        self._wake.set()

    async def _run(self) -> None:
        pause = BACKOFF[0]
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting, {}
                settled = await asyncio.gather(*(self._settle(*one) for one in batch.items()))
                failed = [one for one, done in zip(batch.items(), settled, strict=True) if not done]
                self._waiting = {**dict(failed), **self._waiting}
                if failed:
                    await asyncio.sleep(pause)
                pause = min(pause * 2, BACKOFF[1]) if failed else BACKOFF[0]
            self._idle.set()

    async def _settle(self, message_id: str, rejected: str | None) -> bool:
        try:
            if rejected is None:
                await self._transport.ack(message_id)
            else:
                await self._transport.reject(message_id, rejected)
        except Exception as error:  # noqa: BLE001  (a message that comes again is refused by the store)
            self._runtime.trouble(f"settling {message_id}", error)
            return False
        return True
