"""Redis, when it is not as it should be: one clear line, a subscription that goes on, and no run lost."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NotThere

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.abc import Delivery
from paigeant.config import Settings
from paigeant.errors import ConfigError, PaigeantError, Unavailable
from paigeant.model.checks.findings import Finding, Severity
from paigeant.testing.transports import sealed
from paigeant.testing.waiting import eventually
from paigeant.transports.redis import RedisStreamTransport, subscription

PATIENCE = 30.0
DRAFT = "pg:{default}:q:draft"


class Server:
    """A Redis of the test's own, which forgets everything when it is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        deadline = monotonic() + PATIENCE
        while not self.answers():
            assert monotonic() < deadline

    def answers(self) -> bool:
        try:
            return bool(self.tell("PING"))
        except NotThere:
            return False

    def tell(self, *command: str | bytes | int) -> Any:
        with Redis(port=self.port, decode_responses=True, encoding_errors="replace") as redis:
            return redis.execute_command(*command)

    async def somebody_waits(self) -> bool:
        return bool(self.tell("INFO", "clients")["blocked_clients"])

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if shutil.which("redis-server") is None:
        pytest.fail("this test starts a server of its own: install redis-server")
    server = Server(tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
async def transport(server: Server) -> AsyncIterator[RedisStreamTransport]:
    async with RedisStreamTransport(server.url) as transport:
        yield transport


async def opened(url: str) -> None:
    async with RedisStreamTransport(url):
        pass


class Reader:
    """A subscriber that acknowledges what it gets, for as long as the test runs."""

    def __init__(self, transport: RedisStreamTransport, *topics: str) -> None:
        self.transport, self.topics = transport, topics or ("draft",)
        self.got: set[str] = set()

    async def read(self) -> None:
        async with aclosing(self.transport.subscribe(self.topics)) as deliveries:
            async for delivery in deliveries:
                self.got.add(delivery.message_id)
                while True:
                    try:
                        await self.transport.ack(delivery.message_id)
                        break
                    except Unavailable:
                        await asyncio.sleep(0.05)

    async def has_count(self, count: int) -> bool:
        return len(self.got) >= count

    async def has(self, *numbers: int) -> bool:
        return {f"run:{number}" for number in numbers} <= self.got


@asynccontextmanager
async def reading(transport: RedisStreamTransport, *topics: str) -> AsyncIterator[Reader]:
    reader = Reader(transport, *topics)
    task = asyncio.create_task(reader.read())
    try:
        yield reader
    finally:
        assert not task.done(), task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def publish(transport: RedisStreamTransport, number: int) -> None:
    """Publish as a sweeper does: until it has worked."""

    async def tried() -> bool:
        try:
            await transport.publish("draft", sealed(number))
        except Unavailable:
            return False
        return True

    await eventually(tried, within=PATIENCE)


async def first(transport: RedisStreamTransport) -> Delivery:
    async with asyncio.timeout(PATIENCE), aclosing(transport.subscribe(["draft"])) as deliveries:
        delivery = await anext(deliveries)
        await transport.ack(delivery.message_id)
        return delivery


# -- opening


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("redis://127.0.0.1:1", Unavailable, "Redis at 127.0.0.1:1/0 does not answer"),
        ("redis://nowhere.invalid", Unavailable, "does not answer"),
        ("redis://:sesame@127.0.0.1:{port}/0", ConfigError, "refuses this user name or password"),
        ("redis://me:sesame@127.0.0.1:{port}/0", ConfigError, "refuses this user name or password"),
        ("redis://127.0.0.1:{port}/99", ConfigError, "cannot be used: .*DB index"),
        ("redis://me:sesame@127.0.0.1:many/0", ConfigError, "no Redis URL"),
        ("redis://me:sesame/@127.0.0.1", ConfigError, "no Redis URL"),
        ("redis://127.0.0.1/shop", ConfigError, "no Redis URL"),
        ("redis://127.0.0.1/0?db=1", ConfigError, "unknown 'db'"),
        ("rediss://127.0.0.1/0?ssl_ca_certs=nowhere.pem", ConfigError, "there is no file"),
    ],
)
async def test_what_is_wrong_is_one_line_without_the_password(
    server: Server, url: str, kind: type[PaigeantError], words: str
):
    server.tell("ACL", "SETUSER", "me", "on", ">other", "+@all", "~*")

    with pytest.raises(kind, match=words) as caught:
        await opened(url.format(port=server.port))

    assert "\n" not in str(caught.value)
    assert "sesame" not in str(caught.value)


async def test_a_password_that_is_missing_is_told(server: Server):
    server.tell("CONFIG", "SET", "requirepass", "sesame")

    with pytest.raises(ConfigError, match="refuses this user name or password"):
        await opened(server.url)

    await opened(f"redis://:sesame@127.0.0.1:{server.port}/0")


@pytest.mark.parametrize(("scheme", "words"), [("redis", "is no Redis"), ("rediss", "cannot be reached with TLS")])
async def test_what_is_no_redis_is_told(scheme: str, words: str):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]

        with pytest.raises(ConfigError, match=words):
            await opened(f"{scheme}://127.0.0.1:{port}/0")


async def findings(transport: RedisStreamTransport) -> dict[str, Finding]:
    return {finding.about: finding for finding in await transport.examine()}


async def test_an_eviction_policy_is_refused_in_production(transport: RedisStreamTransport, server: Server):
    assert (await findings(transport))["eviction"].severity is Severity.OK
    server.tell("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")

    found = (await findings(transport))["eviction"]

    assert "allkeys-lru" in found.said
    assert (found.severity, found.judged("prod").severity) == (Severity.WARNING, Severity.PROBLEM)


async def test_a_server_that_keeps_nothing_draws_a_warning(transport: RedisStreamTransport, server: Server):
    found = (await findings(transport))["persistence"]
    server.tell("CONFIG", "SET", "appendonly", "yes")

    assert found.judged("prod").severity is Severity.WARNING
    assert (await findings(transport))["persistence"].severity is Severity.OK


async def test_a_memory_that_is_nearly_full_draws_a_warning(transport: RedisStreamTransport, server: Server):
    server.tell("CONFIG", "SET", "maxmemory", "1mb")

    assert (await findings(transport))["memory"].severity is Severity.WARNING


async def test_what_may_not_be_seen_is_said(server: Server):
    for user, more in (("blind", ""), ("guest", "+info")):
        rights = f"~pg:* +@stream +ping +select {more}"
        server.tell("ACL", "SETUSER", user, "on", ">sesame", *rights.split())
    async with RedisStreamTransport(f"redis://blind:sesame@127.0.0.1:{server.port}/0") as transport:
        assert "+info" in str((await findings(transport))["rights"].fix)
    async with RedisStreamTransport(f"redis://guest:sesame@127.0.0.1:{server.port}/0") as transport:
        assert "+config|get" in str((await findings(transport))["persistence"].fix)


@pytest.mark.parametrize("more", ["", " +info +client|id +client|unblock"])
async def test_a_user_with_few_rights_will_do(server: Server, more: str):
    rights = "~pg:* +@stream +@transaction +eval +ping +select" + more
    server.tell("ACL", "SETUSER", "me", "on", ">sesame", *rights.split())

    url = f"redis://me:sesame@127.0.0.1:{server.port}/0"
    async with RedisStreamTransport(url) as transport, reading(transport) as reader:
        await publish(transport, 1)
        await eventually(lambda: reader.has(1), within=PATIENCE)


# -- what subscribers leave


async def test_a_topic_without_consumers_keeps_its_messages(transport: RedisStreamTransport, server: Server):
    await publish(transport, 1)

    assert server.tell("XINFO", "GROUPS", DRAFT)
    assert (await first(transport)).message_id == "run:1"
    assert server.tell("XLEN", DRAFT) == 0


async def test_a_subscriber_that_goes_leaves_neither_a_consumer_nor_anything_pending(
    transport: RedisStreamTransport, server: Server
):
    await publish(transport, 1)
    async with asyncio.timeout(PATIENCE), aclosing(transport.subscribe(["draft"])) as deliveries:
        await anext(deliveries)
        assert server.tell("XPENDING", DRAFT, "workers")["pending"] == 1

    assert server.tell("XPENDING", DRAFT, "workers")["pending"] == 0
    assert server.tell("XINFO", "CONSUMERS", DRAFT, "workers") == []
    assert await transport.depth("draft") == 1


async def test_a_subscriber_that_is_cancelled_while_it_waits_goes_at_once(
    transport: RedisStreamTransport, server: Server
):
    async with reading(transport):
        await eventually(server.somebody_waits)
        began = monotonic()

    assert monotonic() - began < 1.5
    assert server.tell("XINFO", "CONSUMERS", DRAFT, "workers") == []


async def test_a_subscriber_that_is_cancelled_while_it_leaves_keeps_no_connection(server: Server):
    async with RedisStreamTransport(server.url) as transport:
        deliveries = transport.subscribe(["draft"])
        waiter = asyncio.create_task(anext(deliveries))
        await eventually(server.somebody_waits)
        for _ in range(3):
            waiter.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(waiter, return_exceptions=True)

    assert server.tell("XINFO", "CONSUMERS", DRAFT, "workers") == []
    assert server.tell("CLIENT", "LIST").splitlines()[1:] == []  # but for the one that asks


async def test_a_transport_that_closes_ends_its_subscriptions_and_gives_back_what_they_held(server: Server):
    async with RedisStreamTransport(server.url) as transport:
        await publish(transport, 1)
        deliveries = transport.subscribe(["draft"])
        await anext(deliveries)
        waiting = transport.subscribe(["review"])
        waiter = asyncio.create_task(waiting.__anext__())
        await eventually(server.somebody_waits)
        late = transport.subscribe(["draft"])
        later = asyncio.create_task(late.__anext__())

    with pytest.raises(StopAsyncIteration):
        await anext(deliveries)
    with pytest.raises(StopAsyncIteration):
        await waiter
    with pytest.raises(ConfigError, match="not open"):
        await later
    with pytest.raises(ConfigError, match="not open"):
        await transport.depth("draft")
    assert server.tell("XINFO", "CONSUMERS", DRAFT, "workers") == []
    assert server.tell("XLEN", DRAFT) == 1


async def test_what_a_killed_subscriber_left_is_taken_over(transport: RedisStreamTransport, server: Server):
    for number in range(30):
        await publish(transport, number)
    left = server.tell("XREADGROUP", "GROUP", "workers", "killed", "COUNT", 30, "STREAMS", DRAFT, ">")
    ids = [entry_id for entry_id, _ in left[0][1]]
    server.tell("XCLAIM", DRAFT, "workers", "killed", 0, *ids, "IDLE", int(subscription.IDLE * 1000) + 1, "JUSTID")

    async with reading(transport) as reader:
        await eventually(lambda: reader.has(*range(30)), within=PATIENCE)


async def test_what_a_living_subscriber_holds_is_not_taken_over(
    transport: RedisStreamTransport, server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(subscription, "IDLE", 0.6)
    monkeypatch.setattr(subscription, "BEAT", 0.1)
    monkeypatch.setattr(subscription, "CLAIM", 0.1)
    monkeypatch.setattr(subscription, "BLOCK", 0.1)
    await publish(transport, 1)

    async with aclosing(transport.subscribe(["draft"])) as deliveries, RedisStreamTransport(server.url) as other:
        await anext(deliveries)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5), aclosing(other.subscribe(["draft"])) as others:
                await anext(others)

    async with RedisStreamTransport(server.url) as other:
        assert (await first(other)).message_id == "run:1"


async def test_what_was_read_ahead_and_is_not_asked_for_goes_to_others(
    transport: RedisStreamTransport, server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(subscription, "HOLDING", 0.2)
    for number in range(100):
        await publish(transport, number)

    async with aclosing(transport.subscribe(["draft"])) as deliveries, RedisStreamTransport(server.url) as other:
        ours = {(await anext(deliveries)).message_id for _ in range(10)}
        async with reading(other) as reader:  # and the first asks for nothing more, as if all its slots were taken
            await eventually(lambda: reader.has_count(90), within=PATIENCE)

        assert not ours & reader.got
        assert server.tell("XPENDING", DRAFT, "workers")["pending"] == 10


async def test_much_that_is_published_and_acknowledged_at_once_takes_few_round_trips(
    transport: RedisStreamTransport, server: Server
):
    await asyncio.gather(*(transport.publish("draft", sealed(number)) for number in range(500)))
    async with asyncio.timeout(PATIENCE), aclosing(transport.subscribe(["draft"])) as deliveries:
        received = [await anext(deliveries) for _ in range(500)]
        await asyncio.gather(*(transport.ack(delivery.message_id) for delivery in received))

    assert server.tell("XLEN", DRAFT) == 0
    calls = {name: facts["calls"] for name, facts in server.tell("INFO", "commandstats").items()}
    assert calls["cmdstat_eval"] < 50
    assert calls["cmdstat_xack"] < 50


async def test_an_entry_that_is_none_of_ours_is_delivered_with_all_that_it_says_and_can_be_rejected(
    transport: RedisStreamTransport, server: Server
):
    entry_id = server.tell("XADD", DRAFT, "*", "what", "ever", "else", "")
    async with asyncio.timeout(PATIENCE), aclosing(transport.subscribe(["draft"])) as deliveries:
        delivery = await anext(deliveries)
        await transport.reject(delivery.message_id, "no message of ours")

    assert delivery == Delivery(entry_id, "draft", b"what ever else ")
    [[_, letter]] = server.tell("XRANGE", "pg:{default}:dead", "-", "+")
    assert letter == {"i": entry_id, "topic": "draft", "reason": "no message of ours", "b": "what ever else "}
    assert server.tell("XLEN", DRAFT) == 0


async def test_a_publisher_that_gives_up_leaves_no_answer_to_the_next(transport: RedisStreamTransport):
    for number in range(200):
        task = asyncio.create_task(transport.publish("draft", sealed(number)))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert await transport.depth("review") == 0
    assert await transport.depth("draft") <= 200


# -- faults


async def test_a_killed_server_that_comes_back_empty_ends_no_subscription(
    transport: RedisStreamTransport, server: Server
):
    async with reading(transport) as reader:
        await publish(transport, 1)
        await eventually(lambda: reader.has(1), within=PATIENCE)

        server.kill()
        with pytest.raises(Unavailable, match="does not answer"):
            await transport.publish("draft", sealed(2))
        server.start()

        await publish(transport, 3)
        await eventually(lambda: reader.has(3), within=PATIENCE)


async def test_a_flushed_server_ends_no_subscription(transport: RedisStreamTransport, server: Server):
    async with reading(transport, "draft", "print") as reader:
        for number in range(5):
            server.tell("FLUSHALL")
            await publish(transport, number)

            async def again(number: int = number) -> bool:
                if not await reader.has(number):
                    await transport.publish("draft", sealed(number))
                return await reader.has(number)

            await eventually(again, within=PATIENCE)


async def test_cut_connections_lose_nothing(transport: RedisStreamTransport, server: Server):
    async with reading(transport) as reader:
        for number in range(200):
            await publish(transport, number)
            if number % 20 == 0:
                server.tell("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

        await eventually(lambda: reader.has(*range(200)), within=PATIENCE)


@pytest.mark.slow
async def test_a_server_that_hangs_is_left_and_found_again(transport: RedisStreamTransport, server: Server):
    async with reading(transport) as reader:
        await publish(transport, 1)
        await eventually(lambda: reader.has(1), within=PATIENCE)
        server.send(signal.SIGSTOP)
        try:
            began = monotonic()
            with pytest.raises(Unavailable):
                await transport.publish("draft", sealed(2))
            assert monotonic() - began < 20
        finally:
            server.send(signal.SIGCONT)

        await publish(transport, 3)
        await eventually(lambda: reader.has(2, 3), within=PATIENCE)  # 2 was asked for, and the server woke up to it


async def test_a_full_server_takes_nothing_and_still_gives(transport: RedisStreamTransport, server: Server):
    await publish(transport, 1)
    server.tell("CONFIG", "SET", "maxmemory", "1mb")

    with pytest.raises(Unavailable, match="memory is full"):
        await transport.publish("draft", sealed(2))
    with pytest.raises(Unavailable, match="memory is full"):
        await transport.publish("elsewhere", sealed(2, "elsewhere"))
    async with reading(transport) as reader:
        await eventually(lambda: reader.has(1), within=PATIENCE)
        server.tell("CONFIG", "SET", "maxmemory", 0)
        await publish(transport, 3)
        await eventually(lambda: reader.has(3), within=PATIENCE)


async def test_what_cannot_be_given_back_for_want_of_memory_is_not_lost(
    transport: RedisStreamTransport, server: Server
):
    await publish(transport, 1)
    async with asyncio.timeout(PATIENCE), aclosing(transport.subscribe(["draft"])) as deliveries:
        await anext(deliveries)
        server.tell("CONFIG", "SET", "maxmemory", "1mb")

    assert server.tell("XPENDING", DRAFT, "workers")["pending"] == 1


async def test_runs_end_though_the_server_is_flushed_and_killed_under_them(server: Server, tmp_path: Path):
    registry = ActivityRegistry()

    @registry.execute()
    async def add(payload: int, previous: int | None = None) -> int:
        await asyncio.sleep(0.01)
        return (previous if previous is not None else payload) + 1

    settings = Settings(store=f"sqlite:///{tmp_path}/paigeant.db", transport=server.url, lease=2, grace=1)
    async with Paigeant(registry, workflows=[Workflow("sum", ["add"] * 4)], settings=settings) as app, app.worker():
        runs = await app.dispatch_many("sum", range(60))
        server.tell("FLUSHALL")
        await runs[0].result(timeout=PATIENCE)
        server.kill()
        runs += await app.dispatch_many("sum", range(60, 80))
        server.start()
        results = [await run.result(timeout=PATIENCE) for run in runs]

    assert {str(result.status) for result in results} == {"completed"}
    assert len({str(result.output) for result in results}) == 80
