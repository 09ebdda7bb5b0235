"""After a failover behind one address nothing goes on using the old server: work goes on within seconds."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from time import monotonic

import asyncpg
import pytest
from pydantic_core import to_json

from chaos.proxy import Proxy
from chaos.servers.postgres import Postgres
from chaos.servers.redis import RedisServer
from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.abc import Hooks
from paigeant.aio.race import cancel
from paigeant.app.upkeep.log_stores import open_log_store
from paigeant.config import Settings
from paigeant.errors import Unavailable
from paigeant.model.events import ConnectionLost, ConnectionRestored, Event
from paigeant.model.runs import RunStatus
from paigeant.model.stored.log_lines import LogFilter
from paigeant.testing.transports import sealed
from paigeant.testing.waiting import eventually
from paigeant.transports.redis import RedisStreamTransport

SOON = 10.0


class Ears(Hooks):
    """Keeps what was heard of connections."""

    wanted_events = (ConnectionLost, ConnectionRestored)

    def __init__(self) -> None:
        self.heard: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.heard.append(event)


# -- Redis


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[RedisServer, RedisServer]]:
    """Two servers of the test's own, of which the first is the master."""
    if shutil.which("redis-server") is None:
        pytest.fail("this test starts servers of its own: install redis-server")
    async with AsyncExitStack() as stack:
        servers: list[RedisServer] = []
        for name in ("one", "two"):
            server = RedisServer(tmp_path / name)
            stack.push_async_callback(server.stop)
            await server.prepare()
            await server.start()
            servers.append(server)
        yield servers[0], servers[1]


async def fail_over(proxy: Proxy, old: RedisServer, new: RedisServer) -> None:
    """Make the old master a replica that goes on answering, and let the address lead to the new one."""
    proxy.lead_to(new.port)
    await old.tell("REPLICAOF", "127.0.0.1", str(new.port))


class Traffic:
    """Publishes, reads and acknowledges over one transport; what is refused is tried again, as the engine does."""

    def __init__(self, transport: RedisStreamTransport, server: RedisServer) -> None:
        self.transport, self.server = transport, server
        self.arrived: list[str] = []

    async def read(self) -> None:
        async with aclosing(self.transport.subscribe(["draft"])) as deliveries:
            while True:
                self.arrived.append((await anext(deliveries)).message_id)

    async def publish(self, number: int) -> bool:
        try:
            await self.transport.publish("draft", sealed(number))
        except Unavailable:
            return False
        return True

    async def has(self, message_id: str) -> bool:
        return message_id in self.arrived

    async def acknowledge(self) -> bool:
        try:
            for message_id in self.arrived:
                await self.transport.ack(message_id)
        except Unavailable:
            return False
        return (await self.server.tell("XPENDING", "pg:{default}:q:draft", "workers"))["pending"] == 0


async def test_a_redis_that_became_a_replica_is_left_for_the_one_that_the_address_leads_to(
    pair: tuple[RedisServer, RedisServer],
):
    old, new = pair
    async with Proxy(old.port) as proxy, RedisStreamTransport(f"redis://127.0.0.1:{proxy.port}/0") as transport:
        traffic = Traffic(transport, new)
        reading = asyncio.create_task(traffic.read())
        await traffic.publish(1)
        await eventually(lambda: traffic.has("run:1"), within=SOON)

        await fail_over(proxy, old, new)

        await eventually(lambda: traffic.publish(2), within=SOON)
        await eventually(lambda: traffic.has("run:2"), within=SOON)
        await eventually(traffic.acknowledge, within=SOON)
        await cancel([reading])


async def test_runs_go_on_after_a_failover_of_redis(pair: tuple[RedisServer, RedisServer], tmp_path: Path):
    old, new = pair
    registry, ears = ActivityRegistry(), Ears()
    registry.execute("one")(lambda: 1)
    async with Proxy(old.port) as proxy:
        settings = Settings(store=f"sqlite:///{tmp_path}/a.db", transport=f"redis://127.0.0.1:{proxy.port}/0")
        app = Paigeant(registry, workflows=[Workflow("w", ["one"])], settings=settings, hooks=ears)
        async with app, app.worker():
            assert (await (await app.dispatch("w", {})).result(SOON)).status is RunStatus.COMPLETED

            await fail_over(proxy, old, new)
            began = monotonic()
            for _ in range(5):
                run = await app.dispatch("w", {})
                assert (await run.result(2 * SOON)).status is RunStatus.COMPLETED

            assert monotonic() - began < 2 * SOON
            async with asyncio.timeout(SOON):  # runs need no broker where they are handed over
                while ConnectionRestored not in {type(event) for event in ears.heard}:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    assert {type(event) for event in ears.heard} == {ConnectionLost, ConnectionRestored}


# -- PostgreSQL


@pytest.fixture
async def postgres(new_open_folder: Callable[[], Path]) -> AsyncIterator[Postgres]:
    server = Postgres(new_open_folder())
    await server.prepare()
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


async def order(server: Postgres, *statements: str) -> None:
    connection = await asyncpg.connect(server.url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_worker_leaves_connections_that_turned_out_read_only(postgres: Postgres):
    """A role that takes no writes stands for a demoted server: sessions that were made meanwhile stay as they are."""
    url = f"postgresql://worker@127.0.0.1:{postgres.port}/postgres"
    await order(postgres, "CREATE ROLE worker LOGIN SUPERUSER")
    await Paigeant(settings=Settings(store=url)).administration.upgrade_schema()
    registry, ears = ActivityRegistry(), Ears()
    registry.execute("one")(lambda: 1)
    app = Paigeant(registry, workflows=[Workflow("w", ["one"])], settings=Settings(store=url), hooks=ears)
    async with app, app.worker():
        assert (await (await app.dispatch("w", {})).result(SOON)).status is RunStatus.COMPLETED
        await order(
            postgres,
            "ALTER ROLE worker SET default_transaction_read_only = on",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'worker'",
        )

        async def refused() -> bool:
            try:
                await app.dispatch("w", {})
            except Unavailable as error:
                return "read-only" in str(error)
            return False

        await eventually(refused, within=SOON)
        await order(postgres, "ALTER ROLE worker SET default_transaction_read_only = off")
        began = monotonic()

        async def dispatched() -> bool:
            try:
                run = await app.dispatch("w", {})
            except Unavailable:
                return False
            return (await run.result(SOON)).status is RunStatus.COMPLETED

        await eventually(dispatched, within=2 * SOON)

    assert monotonic() - began < SOON
    assert {type(event) for event in ears.heard} == {ConnectionLost, ConnectionRestored}


async def test_log_lines_are_kept_again_after_a_failover(postgres: Postgres):
    store = open_log_store(postgres.url)
    line = {"timestamp": "2026-01-01T00:00:00+00:00", "level": "info", "event": "here"}
    rows = [store.row_of(line, to_json(line).decode())]
    await asyncio.to_thread(store.write, rows)

    await postgres.demote()
    for _ in range(2):
        with pytest.raises(Unavailable, match="out of reach"):
            await asyncio.to_thread(store.write, rows)
    await postgres.promote()

    await asyncio.to_thread(store.write, rows)
    assert len(await asyncio.to_thread(store.read, LogFilter("default"))) == 2
    await asyncio.to_thread(store.close)
