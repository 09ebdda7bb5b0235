"""Transport that is opened on first use: reading runs must not wait for a broker, nor fail without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import AsyncExitStack, aclosing
from types import TracebackType

from paigeant.abc import Transport
from paigeant.abc.transport import Delivery
from paigeant.model.checks.findings import Finding
from paigeant.model.hops import Sealed


class OnDemand(Transport):
    """Forwards to a transport; the first call opens it, and may raise errors of opening."""

    def __init__(self, transport: Transport) -> None:
        """Open nothing yet."""
        self._transport = transport
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._is_open = False

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it if it was opened."""
        await self._stack.aclose()

    async def _opened(self) -> Transport:
        async with self._opening:  # two concurrent callers must not open it twice
            if not self._is_open:
                self._transport.reporter = self.reporter
                await self._stack.enter_async_context(self._transport)
                self._is_open = True
        return self._transport

    async def examine(self) -> Sequence[Finding]:
        """Examine it."""
        return await (await self._opened()).examine()

    async def publish(self, topic: str, message: Sealed) -> None:
        """Publish to it."""
        await (await self._opened()).publish(topic, message)

    async def subscribe(self, topics: Collection[str]) -> AsyncGenerator[Delivery, None]:
        """Subscribe to it."""
        async with aclosing((await self._opened()).subscribe(topics)) as deliveries:
            async for delivery in deliveries:
                yield delivery

    async def ack(self, message_id: str) -> None:
        """Settle there."""
        await (await self._opened()).ack(message_id)

    async def reject(self, message_id: str, reason: str) -> None:
        """Settle there."""
        await (await self._opened()).reject(message_id, reason)

    async def depth(self, topic: str) -> int:
        """Ask it."""
        return await (await self._opened()).depth(topic)
