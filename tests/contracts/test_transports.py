"""Every transport keeps every guarantee of its contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from paigeant.errors import ConfigError
from paigeant.testing.transports import Connect, TransportContract, sealed
from paigeant.transports.memory import MemoryTransport


class TestMemoryTransport(TransportContract):
    @asynccontextmanager
    async def backend(self, folder: Path) -> AsyncIterator[Connect]:
        yield lambda namespace: MemoryTransport(f"memory://{folder.name}", namespace=namespace)

    async def test_without_a_name_it_is_private(self) -> None:
        here, there = MemoryTransport(), MemoryTransport()

        await here.publish("draft", sealed(1))

        assert (await here.depth("draft"), await there.depth("draft")) == (1, 0)

    async def test_what_was_rejected_is_kept_with_its_reason(self) -> None:
        transport = MemoryTransport()
        await transport.publish("draft", sealed(1))
        await anext(aiter(transport.subscribe(["draft"])))

        await transport.reject("run:1", "no message of ours")

        [letter] = transport.dead_letters
        assert (letter.delivery.body, letter.reason) == (sealed(1).body, "no message of ours")

    async def test_it_loses_and_doubles_on_demand_and_the_same_each_time(self) -> None:
        async def arrived() -> Counter[str]:
            transport = MemoryTransport("memory://?lose=0.2&duplicate=0.1&seed=7")
            for number in range(1000):
                await transport.publish("draft", sealed(number))
            count = await transport.depth("draft")
            received = await self.receive(transport, count, ack=False)
            return Counter(delivery.message_id for delivery in received)

        first = await arrived()

        assert first == await arrived()
        assert 700 < len(first) < 900
        assert 50 < sum(count > 1 for count in first.values()) < 150

    @pytest.mark.parametrize("query", ["lose=much", "loose=0.1", "lose"])
    def test_a_fault_that_it_does_not_know_is_refused(self, query: str) -> None:
        with pytest.raises(ConfigError, match="lose"):
            MemoryTransport(f"memory://?{query}")
