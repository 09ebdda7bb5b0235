"""Every transport keeps every guarantee of its contract."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from paigeant.errors import ConfigError
from paigeant.testing.transports import PATIENCE, Connect, TransportContract, sealed
from paigeant.transports.memory import MemoryTransport
from paigeant.transports.rabbitmq import RabbitMQTransport
from paigeant.transports.redis import RedisStreamTransport


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

    @pytest.mark.parametrize("query", ["lose=much", "loose=0.1", "lose", "lose=nan", "lose=-0.1", "lose=2"])
    def test_a_fault_that_it_does_not_know_is_refused(self, query: str) -> None:
        with pytest.raises(ConfigError, match="lose"):
            MemoryTransport(f"memory://?{query}")

    def test_dice_that_nobody_could_throw_again_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="seed is nan; allowed is a finite number"):
            MemoryTransport("memory://?seed=nan")


class TestRabbitMQ(TransportContract):
    @pytest.fixture(autouse=True)
    def settle_in(self, rabbitmq: Any) -> None:
        self.rabbitmq = rabbitmq
        rabbitmq.topics |= {"draft", "print", "review"}

    @asynccontextmanager
    async def backend(self, folder: Path) -> AsyncIterator[Connect]:
        yield lambda namespace: RabbitMQTransport(self.rabbitmq.url, namespace=self.rabbitmq.space(namespace))


class TestRedis(TransportContract):
    @pytest.fixture(autouse=True)
    def settle_in(self, redis_corner: Any) -> None:
        self.redis = redis_corner

    @asynccontextmanager
    async def backend(self, folder: Path) -> AsyncIterator[Connect]:
        yield lambda namespace: RedisStreamTransport(self.redis.url, namespace=f"{namespace}-{self.redis.name}")

    async def test_a_subscriber_without_room_leaves_the_other_topics_to_others(self, connect: Connect) -> None:
        async with connect("default") as busy, connect("default") as idle:
            for number, topic in enumerate(("draft", "print", "review", "draft")):
                await busy.publish(topic, sealed(number, topic))
            stream = busy.subscribe(["draft", "print", "review"])
            async with asyncio.timeout(PATIENCE), aclosing(stream) as deliveries:
                first = await anext(deliveries)

                others = await self.receive(idle, 3, "draft", "print", "review")

        assert {delivery.message_id for delivery in [first, *others]} == {f"run:{number}" for number in range(4)}
        assert first not in others
