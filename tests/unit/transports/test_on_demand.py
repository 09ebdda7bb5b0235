"""A transport on demand is opened by the first call, once, and closed only if it was opened."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from paigeant.model.hops import Sealed
from paigeant.transports.memory import MemoryTransport
from paigeant.transports.on_demand import OnDemand


class Counted(MemoryTransport):
    def __init__(self) -> None:
        super().__init__("memory://", namespace="default")
        self.opened = self.closed = 0

    async def __aenter__(self) -> Self:
        self.opened += 1
        await asyncio.sleep(0)
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed += 1
        await super().__aexit__(kind, error, trace)


async def test_what_is_never_asked_is_never_opened():
    broker = Counted()

    async with OnDemand(broker):
        pass

    assert (broker.opened, broker.closed) == (0, 0)


async def test_the_first_calls_open_it_once_and_leaving_closes_it():
    broker = Counted()

    async with OnDemand(broker) as transport:
        await asyncio.gather(*(transport.publish("draft", Sealed(str(n), "draft", b"{}")) for n in range(3)))
        assert await transport.depth("draft") == 3

    assert (broker.opened, broker.closed) == (1, 1)
