"""A broker may deliver each message several times: branches run once, and their join goes on once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from paigeant import ActivityRegistry, ForEach, Paigeant, Parallel, Step, SubWorkflow, Terminal, Workflow
from paigeant.config import Settings
from paigeant.transports.memory import MemoryTransport
from paigeant.transports.rabbitmq import RabbitMQTransport
from paigeant.transports.redis import RedisStreamTransport

RAN = Counter[str]()
ITEMS = 12


@pytest.fixture
def registry() -> ActivityRegistry:
    made = ActivityRegistry()
    RAN.clear()

    @made.execute
    async def add(item: int) -> int:
        RAN["add"] += 1
        return item + 1

    @made.compensate("add")
    async def take_off(log: int) -> None:
        RAN["take_off"] += 1

    @made.execute
    async def total(added: list[int]) -> int:
        RAN["total"] += 1
        return sum(added)

    @made.execute
    async def ship() -> None:
        RAN["ship"] += 1

    @made.execute
    async def decline() -> None:
        raise Terminal("no")

    return made


@pytest.fixture(params=["memory", "redis+postgres", "rabbitmq+postgres"])
def settings(request: pytest.FixtureRequest, registry: ActivityRegistry) -> Settings:
    if request.param == "memory":
        return Settings(store="memory://", transport="memory://", grace=1)
    store = request.getfixturevalue("shared_postgres")
    if request.param.startswith("redis"):
        corner = request.getfixturevalue("redis_corner")
        return Settings(store=store, transport=corner.url, namespace=corner.name, grace=1)
    corner = request.getfixturevalue("rabbitmq")
    corner.topics = registry
    return Settings(store=store, transport=corner.url, namespace=corner.space(), grace=1)


@pytest.fixture
def delivered(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what is published; every message is, three times."""
    counted = Counter[str]()
    for kind in (MemoryTransport, RedisStreamTransport, RabbitMQTransport):
        publish = kind.publish

        async def thrice(self: Any, topic: str, message: Any, publish: Any = publish) -> None:
            for _ in range(3):
                counted[message.message_id] += 1
                await publish(self, topic, message)

        monkeypatch.setattr(kind, "publish", thrice)
    return counted


@pytest.mark.parametrize("last", ["ship", "decline"])
async def test_a_join_whose_every_message_is_delivered_three_times_goes_on_once(
    registry: ActivityRegistry, settings: Settings, delivered: Counter[str], last: str
):
    each = ForEach("item", in_="items", step=["add"], max_concurrency=4, name="added")
    both = Parallel(a=[each], b=[Step("add", {"item": 7}), SubWorkflow("within", input="one")])
    within = Workflow("within", [ForEach("item", in_="payload", step="add")])
    trip = Workflow("trip", [both, "total", last])

    async with Paigeant(registry, workflows=[trip, within], settings=settings) as app, app.worker(), app.worker():
        run = await app.dispatch("trip", {"items": list(range(ITEMS)), "one": [1, 2]})
        result = await run.result(timeout=40)
        await asyncio.sleep(0.5)  # for what is delivered late
        later = await run.view()

    adds = ITEMS + 1 + 2
    assert result.status == ("compensated" if last == "decline" else "completed")
    assert {"add": adds, "total": 1} | ({"ship": 1} if last == "ship" else {"take_off": adds}) == RAN
    assert result.variables["added"] == [item + 1 for item in range(ITEMS)]
    assert all(count >= 3 for count in delivered.values())
    assert delivered.total() >= 3 * 4
    assert later.steps == result.steps
