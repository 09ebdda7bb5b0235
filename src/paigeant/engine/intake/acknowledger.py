"""Acknowledger: tells the broker that it is done with a message. Nobody waits for that, and it may fail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Self

from paigeant.abc import Transport
from paigeant.aio.backoff import Backoff
from paigeant.aio.batch import Batcher, Limits
from paigeant.engine.runtime import Runtime

BATCH: Final = 1024
"""Messages that are settled at a time, at most."""

LAST_WORDS: Final = 2.0
"""Seconds that what is still to be settled gets at the end; what misses them comes again, and is refused then."""


class Acknowledger:
    """Acknowledges, or rejects, in the background; what the broker does not take is tried again, ever more patiently.

    A message that is never settled does no harm: the broker delivers it again, and the store refuses it.
    """

    def __init__(self, runtime: Runtime, transport: Transport) -> None:
        """Settle deliveries of this transport."""
        self._runtime = runtime
        self._transport = transport
        self._backoff = Backoff(0.1, 5.0)
        self._batcher: Batcher[tuple[str, str | None], None] = Batcher(
            self._settle_batch, Limits(BATCH), name="acknowledger"
        )

    async def __aenter__(self) -> Self:
        """Start."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Settle what is left, as far as it takes no time."""
        try:
            await self._batcher.idle(LAST_WORDS)
        finally:
            await self._batcher.close(0)

    def add(self, message_id: str, rejected: str | None = None) -> None:
        """Settle the deliveries of this id; with a reason, the broker is to keep the message with its dead letters."""
        self._batcher.add((message_id, rejected))

    async def _settle_batch(self, batch: Sequence[tuple[str, str | None]]) -> list[None]:
        waiting: dict[str, str | None] = {}
        for message_id, rejected in batch:  # one id may be settled twice; a rejection outlives an acknowledgement
            waiting[message_id] = rejected or waiting.get(message_id)
        settled = await asyncio.gather(*(self._settle(*one) for one in waiting.items()))
        failed = [one for one, done in zip(waiting.items(), settled, strict=True) if not done]
        if failed:
            await self._backoff.pause()
            for one in failed:
                self.add(*one)
        else:
            self._backoff.reset()
        return [None] * len(batch)

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
