"""Contract suite of transports: at-least-once delivery, whatever happens to a subscriber."""

# ruff: noqa: D102, PLR2004, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import TypeAlias

import pytest

from paigeant.abc import Delivery, Transport
from paigeant.model.hops import Sealed
from paigeant.testing.checks import is_useful
from paigeant.testing.waiting import eventually

Connect: TypeAlias = Callable[[str], Transport]
"""Factory of unopened transport objects for a namespace, all over the same broker."""

PATIENCE = 20.0
"""Timeout of a delivery in seconds."""


def sealed(number: int, topic: str = "draft") -> Sealed:
    """Return a message with a binary body."""
    return Sealed(f"run:{number}", topic, bytes(range(256)) + str(number).encode())


class TransportContract(ABC):
    """Every guarantee of :class:`paigeant.abc.Transport`, as a test. Subclass it and say how a broker is reached.

    ::

        class TestMyTransport(TransportContract):
            @asynccontextmanager
            async def backend(self, folder):
                yield lambda namespace: MyTransport(f"my://localhost/{folder.name}", namespace=namespace)
    """

    @abstractmethod
    def backend(self, folder: Path) -> AbstractAsyncContextManager[Connect]:
        """Set up an empty broker, or a separate part of one, for this folder, and clean up afterwards."""

    @pytest.fixture
    async def connect(self, tmp_path: Path) -> AsyncIterator[Connect]:
        """Return the factory of further transports over the test's broker."""
        async with self.backend(tmp_path) as connect:
            yield connect

    @pytest.fixture
    async def transport(self, connect: Connect) -> AsyncIterator[Transport]:
        """Return the open transport of the test."""
        async with connect("default") as transport:
            yield transport

    async def receive(self, transport: Transport, count: int, *topics: str, ack: bool = True) -> list[Delivery]:
        """Subscribe, take this many messages, acknowledge them if requested, and close the subscription."""
        received: list[Delivery] = []
        stream = transport.subscribe(topics or ("draft",))
        async with asyncio.timeout(PATIENCE), aclosing(stream) as deliveries:
            while len(received) < count:
                delivery = await anext(deliveries)
                received.append(delivery)
                if ack:
                    await transport.ack(delivery.message_id)
        return received

    async def test_it_examines_itself_as_often_as_one_likes_and_leaves_nothing_behind(
        self, transport: Transport
    ) -> None:
        first, again = await transport.examine(), await transport.examine()

        assert is_useful(first)
        assert [finding.about for finding in first] == [finding.about for finding in again]
        assert await transport.depth("draft") == 0

    async def test_a_message_arrives_as_it_was_sent(self, transport: Transport) -> None:
        await transport.publish("draft", sealed(1))

        [delivery] = await self.receive(transport, 1)

        assert delivery == Delivery("run:1", "draft", sealed(1).body)

    async def test_a_message_from_another_process_arrives(self, transport: Transport, connect: Connect) -> None:
        async with connect("default") as other:
            await other.publish("draft", sealed(1))

            assert [delivery.message_id for delivery in await self.receive(transport, 1)] == ["run:1"]

    async def test_who_subscribes_already_is_woken(self, transport: Transport) -> None:
        receiving = asyncio.create_task(self.receive(transport, 1))
        await asyncio.sleep(0)

        await transport.publish("draft", sealed(1))

        assert len(await receiving) == 1

    async def test_a_subscriber_gets_its_topics_and_no_others(self, transport: Transport) -> None:
        for number, topic in enumerate(("draft", "print", "review")):
            await transport.publish(topic, sealed(number, topic))

        received = await self.receive(transport, 2, "draft", "review")

        assert {delivery.topic for delivery in received} == {"draft", "review"}
        assert [delivery.topic for delivery in await self.receive(transport, 1, "print")] == ["print"]

    async def test_of_two_subscribers_each_message_goes_to_one(self, transport: Transport, connect: Connect) -> None:
        for number in range(20):
            await transport.publish("draft", sealed(number))

        async with connect("default") as other:
            first = await self.receive(transport, 10)
            second = await self.receive(other, 10)

        ids = {delivery.message_id for delivery in first + second}
        assert ids == {f"run:{number}" for number in range(20)}

    async def test_what_was_not_acknowledged_comes_again_when_its_subscriber_is_gone(
        self, transport: Transport, connect: Connect
    ) -> None:
        await transport.publish("draft", sealed(1))
        async with connect("default") as other:
            await self.receive(other, 1, ack=False)

        assert await self.receive(transport, 1) == [Delivery("run:1", "draft", sealed(1).body)]

    async def test_what_was_acknowledged_does_not_come_again(self, transport: Transport, connect: Connect) -> None:
        async with connect("default") as other:
            await transport.publish("draft", sealed(1))
            await self.receive(other, 1)
        await transport.publish("draft", sealed(2))

        assert [delivery.message_id for delivery in await self.receive(transport, 1)] == ["run:2"]

    async def test_a_message_published_twice_may_come_twice_and_one_ack_settles_what_came(
        self, transport: Transport
    ) -> None:
        for _ in range(2):
            await transport.publish("draft", sealed(1))
        await self.receive(transport, 2, ack=True)

        await transport.publish("draft", sealed(2))

        assert [delivery.message_id for delivery in await self.receive(transport, 1)] == ["run:2"]

    async def test_one_ack_settles_all_deliveries_of_its_id(self, transport: Transport) -> None:
        for _ in range(2):
            await transport.publish("draft", sealed(1))
        stream = transport.subscribe(["draft"])
        async with asyncio.timeout(PATIENCE), aclosing(stream) as deliveries:
            assert await anext(deliveries) == await anext(deliveries)
            await transport.ack("run:1")
        await transport.publish("draft", sealed(2))

        assert [delivery.message_id for delivery in await self.receive(transport, 1)] == ["run:2"]

    async def test_an_ack_of_an_unknown_message_is_ignored(self, transport: Transport) -> None:
        await transport.ack("unheard")
        await transport.reject("unheard", "why not")

    async def test_what_was_rejected_does_not_come_again(self, transport: Transport) -> None:
        await transport.publish("draft", sealed(1))
        stream = transport.subscribe(["draft"])
        async with asyncio.timeout(PATIENCE), aclosing(stream) as deliveries:
            delivery = await anext(deliveries)
            await transport.reject(delivery.message_id, "no message of ours")
        await transport.publish("draft", sealed(2))

        assert [delivery.message_id for delivery in await self.receive(transport, 1)] == ["run:2"]

    async def test_depth_counts_what_waits(self, transport: Transport) -> None:
        assert await transport.depth("draft") == 0
        for number in range(3):
            await transport.publish("draft", sealed(number))

        async def is_three() -> bool:
            return await transport.depth("draft") == 3

        async def is_none() -> bool:
            return await transport.depth("draft") == 0

        await eventually(is_three, within=PATIENCE)
        assert await transport.depth("review") == 0
        await self.receive(transport, 3)
        await eventually(is_none, within=PATIENCE)

    async def test_two_namespaces_do_not_hear_each_other(self, transport: Transport, connect: Connect) -> None:
        async with connect("elsewhere") as other:
            await other.publish("draft", sealed(1))
            await transport.publish("draft", sealed(2))

            assert [delivery.message_id for delivery in await self.receive(transport, 1)] == ["run:2"]
            assert [delivery.message_id for delivery in await self.receive(other, 1)] == ["run:1"]

    async def test_a_megabyte_arrives_as_it_was_sent(self, transport: Transport) -> None:
        body = bytes(range(256)) * 4096
        await transport.publish("draft", Sealed("run:1", "draft", body))

        assert [delivery.body for delivery in await self.receive(transport, 1)] == [body]

    async def test_a_topic_that_nobody_serves_keeps_its_messages(self, transport: Transport, connect: Connect) -> None:
        await transport.publish("review", sealed(1, "review"))

        async with connect("default") as later:
            assert [delivery.message_id for delivery in await self.receive(later, 1, "review")] == ["run:1"]

    async def test_nothing_is_delivered_twice_without_a_fault(self, transport: Transport) -> None:
        stream = transport.subscribe(["draft"])
        async with asyncio.timeout(PATIENCE), aclosing(stream) as deliveries:
            await asyncio.gather(*(transport.publish("draft", sealed(number)) for number in range(300)))
            received: list[str] = []
            for _ in range(10):
                some = [(await anext(deliveries)).message_id for _ in range(30)]
                await asyncio.gather(*(transport.ack(message_id) for message_id in some))
                received += some
        await transport.publish("draft", sealed(300))

        assert len(set(received)) == 300
        assert [delivery.message_id for delivery in await self.receive(transport, 1)] == ["run:300"]

    async def test_what_is_acknowledged_in_the_last_moment_does_not_come_again(self, transport: Transport) -> None:
        for start in range(0, 300, 100):
            async with asyncio.timeout(PATIENCE), aclosing(transport.subscribe(["draft"])) as deliveries:
                await asyncio.gather(*(transport.publish("draft", sealed(start + number)) for number in range(100)))
                received = [(await anext(deliveries)).message_id for _ in range(100)]
                await asyncio.gather(*(transport.ack(message_id) for message_id in received))
            assert set(received) == {f"run:{start + number}" for number in range(100)}

    async def test_a_slow_subscriber_gets_everything(self, transport: Transport) -> None:
        for number in range(10):
            await transport.publish("draft", sealed(number))
        received: set[str] = set()
        stream = transport.subscribe(["draft"])
        async with asyncio.timeout(PATIENCE), aclosing(stream) as deliveries:
            while len(received) < 10:
                delivery = await anext(deliveries)
                await asyncio.sleep(0.15)
                await transport.ack(delivery.message_id)
                received.add(delivery.message_id)

        assert received == {f"run:{number}" for number in range(10)}

    async def test_one_that_stops_in_mid_iteration_leaves_the_rest_to_others(
        self, transport: Transport, connect: Connect
    ) -> None:
        for number in range(50):
            await transport.publish("draft", sealed(number))
        first = await self.receive(transport, 20)

        async with connect("default") as other:
            rest = await self.receive(other, 30)

        assert {delivery.message_id for delivery in first + rest} == {f"run:{number}" for number in range(50)}

    async def test_an_ack_of_what_the_broker_has_back_settles_nothing(
        self, transport: Transport, connect: Connect
    ) -> None:
        await transport.publish("draft", sealed(1))
        await self.receive(transport, 1, ack=False)

        await transport.ack("run:1")

        async with connect("default") as other:
            assert [delivery.message_id for delivery in await self.receive(other, 1)] == ["run:1"]
