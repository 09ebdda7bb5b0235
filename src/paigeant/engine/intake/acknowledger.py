"""Acknowledger: acknowledges or rejects broker messages in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Self

from paigeant.abc import Transport
from paigeant.aio.backoff import Backoff
from paigeant.aio.batch import Batcher, Limits
from paigeant.engine.runtime import Runtime

BATCH: Final = 1024
"""Messages in one batch."""

LAST_WORDS: Final = 2.0
"""Seconds for the remaining messages at the end; unsettled ones are delivered again, and then refused by the store."""


class Acknowledger:
    """Acknowledges, or rejects, in the background; failures are retried with backoff.

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
        """Settle the rest within a short time."""
        try:
            await self._batcher.idle(LAST_WORDS)
        finally:
            await self._batcher.close(0)

    def add(self, message_id: str, rejected: str | None = None) -> None:
        """Settle the deliveries of this id; with a reason, the broker keeps the message with its dead letters."""
        self._batcher.add((message_id, rejected))

    async def _settle_batch(self, batch: Sequence[tuple[str, str | None]]) -> list[None]:
        waiting: dict[str, str | None] = {}
        for message_id, rejected in batch:  # an id may be added twice; a rejection wins over an acknowledgement
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
