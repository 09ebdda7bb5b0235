"""Whatever happens to RabbitMQ, a subscription goes on, and a publisher hears of it in time."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import aio_pika
import pytest
from yarl import URL

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.abc import Delivery
from paigeant.abc.resource import UNHEARD
from paigeant.config import Settings
from paigeant.errors import ConfigError, PaigeantError, Unavailable
from paigeant.model.hops import Sealed
from paigeant.testing.waiting import eventually
from paigeant.transports.rabbitmq import RabbitMQTransport, queue_repair, queues, subscription
from paigeant.transports.rabbitmq import connection as connection_module
from paigeant.transports.rabbitmq import transport as transports
from paigeant.transports.rabbitmq.address import RabbitMQAddress

Connect = Callable[..., RabbitMQTransport]
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class Proxy:
    """Stands between a transport and the broker, and cuts or swallows what passes."""

    def __init__(self, url: str) -> None:
        self.target = URL(url)
        self.url = ""
        self.swallows: asyncio.Event = asyncio.Event()
        self.passing: set[asyncio.Task[None]] = set()
        self.writers: list[asyncio.StreamWriter] = []

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self.target.host, self.target.port or 5672)
        hole = self.swallows
        self.writers += [writer, there[1]]
        for source, sink in ((reader, there[1]), (there[0], writer)):
            task = asyncio.create_task(self.move(source, sink, hole))
            self.passing.add(task)
            task.add_done_callback(self.passing.discard)

    async def move(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, hole: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if not hole.is_set():
                    sink.write(data)
                    await sink.drain()
        sink.close()

    def cut(self) -> None:
        """Reset all connections."""
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    def swallow(self) -> None:
        """Let nothing pass any more on the connections that there are; new ones work."""
        self.swallows.set()
        self.swallows = asyncio.Event()


@pytest.fixture
async def proxy(rabbitmq: Any) -> AsyncIterator[Proxy]:
    proxy = Proxy(rabbitmq.url)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy.url = str(proxy.target.with_host("127.0.0.1").with_port(port))
    yield proxy
    server.close()
    proxy.cut()
    await asyncio.gather(*proxy.passing, return_exceptions=True)


@pytest.fixture
def connect(rabbitmq: Any) -> Connect:
    rabbitmq.topics.add("draft")
    return lambda url=rabbitmq.url: RabbitMQTransport(url, namespace=rabbitmq.space())


@pytest.fixture
async def transport(connect: Connect) -> AsyncIterator[RabbitMQTransport]:
    async with connect() as transport:
        yield transport


def sealed(number: int) -> Sealed:
    return Sealed(f"run:{number}", "draft", f"body {number}".encode())


async def publish(transport: RabbitMQTransport, number: int) -> None:
    """Publish again and again until the broker has it, as the sweeper does."""

    async def published() -> bool:
        with suppress(Unavailable):
            await transport.publish("draft", sealed(number))
            return True
        return False

    await eventually(published, within=40)


@asynccontextmanager
async def subscribed(transport: RabbitMQTransport) -> AsyncIterator[AsyncGenerator[Delivery, None]]:
    async with asyncio.timeout(50), aclosing(transport.subscribe(["draft"])) as deliveries:
        yield deliveries


async def receive(transport: RabbitMQTransport, deliveries: AsyncGenerator[Delivery, None], number: int) -> None:
    """Take messages until this one comes; earlier ones may come again."""
    while True:
        delivery = await anext(deliveries)
        await transport.ack(delivery.message_id)
        if delivery.message_id == f"run:{number}":
            return


async def test_a_subscription_outlives_its_queue(transport: RabbitMQTransport, rabbitmq: Any) -> None:
    async with subscribed(transport) as deliveries:
        await publish(transport, 1)
        await receive(transport, deliveries, 1)

        await rabbitmq.delete(*rabbitmq.queues())
        receiving = asyncio.create_task(receive(transport, deliveries, 2))
        await publish(transport, 2)

        await receiving


async def test_a_subscription_is_renewed_when_nothing_came_for_long(
    transport: RabbitMQTransport, rabbitmq: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "RENEWAL", 1.0)
    monkeypatch.setattr(subscription, "HOLDING", 0.5)
    monkeypatch.setattr(transports, "GONE", 0.0)  # so that the broker may forget to tell the consumer
    async with subscribed(transport) as deliveries:
        await publish(transport, 1)
        await receive(transport, deliveries, 1)

        await rabbitmq.delete(*rabbitmq.queues())
        receiving = asyncio.create_task(receive(transport, deliveries, 2))
        await publish(transport, 2)

        await receiving


async def test_publishing_makes_a_queue_anew_that_somebody_deleted(transport: RabbitMQTransport, rabbitmq: Any) -> None:
    await transport.publish("draft", sealed(1))
    await rabbitmq.delete(*rabbitmq.queues())

    await transport.publish("draft", sealed(2))

    async with subscribed(transport) as deliveries:
        await receive(transport, deliveries, 2)


async def test_a_subscription_outlives_its_connection(connect: Connect, proxy: Proxy) -> None:
    async with connect(proxy.url) as transport, subscribed(transport) as deliveries:
        for number in range(3):
            await publish(transport, number)
            await receive(transport, deliveries, number)
            proxy.cut()


async def test_what_was_under_way_when_the_connection_broke_comes_again(connect: Connect, proxy: Proxy) -> None:
    async with connect(proxy.url) as transport, subscribed(transport) as deliveries:
        await publish(transport, 1)
        assert (await anext(deliveries)).message_id == "run:1"

        proxy.cut()

        assert (await anext(deliveries)).message_id == "run:1"
        await transport.ack("run:1")


async def test_a_connection_that_swallows_everything_is_given_up(
    connect: Connect, proxy: Proxy, transport: RabbitMQTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "PATIENCE", 1.0)
    monkeypatch.setattr(subscription, "LIVENESS", 0.5)
    monkeypatch.setattr(subscription, "HOLDING", 0.5)
    async with connect(proxy.url) as behind, subscribed(behind) as deliveries:
        await publish(behind, 1)
        await receive(behind, deliveries, 1)

        proxy.swallow()
        with pytest.raises(Unavailable, match="did not answer within 1 s"):
            await behind.publish("draft", sealed(2))
        await publish(transport, 3)

        await receive(behind, deliveries, 3)
        await behind.publish("draft", sealed(4))


async def test_a_connection_that_the_broker_closes_is_made_anew(connect: Connect, rabbitmq: Any) -> None:
    url = str(URL(rabbitmq.url).update_query(name=rabbitmq.name))
    async with connect(url) as transport, subscribed(transport) as deliveries:
        await publish(transport, 1)
        await receive(transport, deliveries, 1)

        listed = await ctl("list_connections", "pid", "client_properties", "--silent")
        ours = [row.split("\t")[0] for row in listed.splitlines() if rabbitmq.name in row]
        for pid in ours:
            await ctl("close_connection", pid, "a test of ours")

        await publish(transport, 2)
        await receive(transport, deliveries, 2)
    assert len(ours) == 2


async def ctl(*arguments: str) -> str:
    answer = await asyncio.to_thread(
        subprocess.run, ["rabbitmqctl", *arguments], capture_output=True, text=True, check=True
    )
    return answer.stdout


async def take_the_leader(queue: str) -> None:
    """Leave the queue as a node killed right after its declaration does: empty, and waiting for a leader."""
    forget = f"""
        Id = {{'%2F_{queue}', node()}},
        Resource = rabbit_misc:r(<<"/">>, queue, <<"{queue}">>),
        Machine = {{module, rabbit_fifo, #{{name => element(1, Id), queue_resource => Resource}}}},
        ok = ra:force_delete_server(quorum_queues, Id),
        ok = ra:start_server(quorum_queues, element(1, Id), Id, Machine, [Id]).
    """
    assert await ctl("eval", " ".join(forget.split())) == "ok\n"


async def take_the_process(queue: str) -> None:
    """Leave the queue without any process, as one may be that is declared while the broker comes back."""
    assert await ctl("eval", f"ra:stop_server(quorum_queues, {{'%2F_{queue}', node()}}).") == "ok\n"


Damage = Callable[[str], Awaitable[None]]


@pytest.mark.parametrize("damage", [take_the_leader, take_the_process])
async def test_a_queue_that_lost_its_leader_is_made_anew(
    transport: RabbitMQTransport, connect: Connect, rabbitmq: Any, damage: Damage
) -> None:
    await transport.publish("draft", sealed(1))
    await damage(f"paigeant:{rabbitmq.space()}:q:draft")

    async with connect() as other, subscribed(transport) as deliveries, subscribed(other) as others:
        took = [asyncio.create_task(receive(transport, each, 2)) for each in (deliveries, others)]
        await publish(transport, 2)

        await asyncio.wait(took, return_when=asyncio.FIRST_COMPLETED)
        for task in took:
            task.cancel()
        await asyncio.gather(*took, return_exceptions=True)


@pytest.mark.parametrize("damage", [take_the_leader, take_the_process])
async def test_dead_letters_that_lost_their_leader_are_made_anew(
    transport: RabbitMQTransport, rabbitmq: Any, monkeypatch: pytest.MonkeyPatch, damage: Damage
) -> None:
    monkeypatch.setattr(connection_module, "PATIENCE", 6.0)
    await transport.publish("draft", sealed(1))
    await damage(f"paigeant:{rabbitmq.space()}:dead")

    async with subscribed(transport) as deliveries:
        await anext(deliveries)

        async def rejected() -> bool:
            with suppress(Unavailable):
                await transport.reject("run:1", "no message of ours")
                return True
            return False

        await eventually(rejected, within=40)
    assert await transport.depth("draft") == 0


async def test_a_queue_that_is_led_is_left_alone(transport: RabbitMQTransport, rabbitmq: Any) -> None:
    name = f"paigeant:{rabbitmq.space()}:q:draft"
    await transport.publish("draft", sealed(1))

    repair = queue_repair.QueueRepair(RabbitMQAddress(rabbitmq.url), "a test of ours", lambda: UNHEARD)
    async with await aio_pika.connect(rabbitmq.url) as connection, connection.channel() as channel:
        await repair.look_at(name)
        await repair.look_at(f"{name}:nowhere")
        await channel.declare_queue(f"{name}:repair", exclusive=True)
        await repair.look_at(name)

    assert await transport.depth("draft") == 1


async def test_what_is_not_asked_for_goes_back_to_others(
    transport: RabbitMQTransport, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "HOLDING", 0.2)
    async with connect() as other, subscribed(transport) as deliveries, subscribed(other) as others:
        receiving = asyncio.create_task(anext(deliveries))
        for number in range(4):
            await publish(transport, number)
        await receiving  # and no more: what else was delivered here lies, as if all slots were taken

        received: set[str] = set()
        while len(received) < 4:
            received.add((await anext(others)).message_id)

        receiving = asyncio.create_task(anext(deliveries))
        await publish(transport, 5)
        await others.aclose()
        await receiving


async def test_a_subscriber_that_left_some_lying_gets_few_until_it_takes_them(
    transport: RabbitMQTransport, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "HOLDING", 0.4)
    monkeypatch.setattr(subscription, "PREFETCH", 50)
    for number in range(100):
        await publish(transport, number)

    async with subscribed(transport) as deliveries, connect() as other:
        await anext(deliveries)

        async def are_back() -> bool:
            return await other.depth("draft") == 100

        await eventually(are_back, within=20)
        await transport.ack((await anext(deliveries)).message_id)
        assert await other.depth("draft") >= 90
        for _ in range(90):
            await transport.ack((await anext(deliveries)).message_id)


async def test_what_was_rejected_lies_among_the_dead_letters_with_its_reason(
    transport: RabbitMQTransport, rabbitmq: Any
) -> None:
    await transport.publish("draft", sealed(1))
    async with subscribed(transport) as deliveries:
        await anext(deliveries)
        await transport.reject("run:1", "no message of ours " * 1000)

    assert await transport.depth("draft") == 0
    async with await aio_pika.connect(rabbitmq.url) as connection, connection.channel() as channel:
        queue = await channel.get_queue(f"paigeant:{rabbitmq.space()}:dead")
        [letter] = [await queue.get(no_ack=True)]
    assert (letter.body, letter.headers["paigeant-topic"]) == (b"body 1", "draft")
    assert str(letter.headers["paigeant-reason"]).startswith("no message of ours no")


async def test_a_queue_that_is_full_refuses(transport: RabbitMQTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "WAITING", 1)

    async def fill() -> None:
        for number in range(50):
            await transport.publish("draft", sealed(number))

    with pytest.raises(Unavailable):
        await fill()


async def test_a_queue_of_another_kind_is_named(transport: RabbitMQTransport, rabbitmq: Any) -> None:
    name = f"paigeant:{rabbitmq.space()}:q:draft"
    async with await aio_pika.connect(rabbitmq.url) as connection, connection.channel() as channel:
        await channel.declare_queue(name, durable=True)

    with pytest.raises(ConfigError, match=f"other arguments.*{name}"):
        await transport.publish("draft", sealed(1))
    with pytest.raises(ConfigError, match=name):
        async with subscribed(transport) as deliveries:
            await anext(deliveries)


async def test_a_transport_that_is_closed_ends_its_subscriptions(connect: Connect) -> None:
    async with connect() as transport:
        deliveries = transport.subscribe(["draft"])
        receiving = asyncio.ensure_future(anext(deliveries))
        await publish(transport, 1)
        await receiving
        receiving = asyncio.ensure_future(anext(deliveries))
        await asyncio.sleep(0)

    with pytest.raises(Unavailable, match="closed"):
        await receiving


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ({"password": "wrong-secret"}, ConfigError, "user or password"),
        ({"path": "/nowhere"}, ConfigError, "virtual host"),
        ({"scheme": "amqps"}, ConfigError, "TLS"),
        ({"port": 1}, Unavailable, "away"),
        ({"host": "nowhere.invalid"}, Unavailable, "away"),
    ],
)
async def test_what_is_wrong_is_said_in_one_line_and_without_the_password(
    rabbitmq: Any, connect: Connect, change: dict[str, Any], kind: type[PaigeantError], text: str
) -> None:
    url = URL(rabbitmq.url).with_port(URL(rabbitmq.url).port or 5672).with_password("guest")
    [(what, value)] = change.items()

    with pytest.raises(kind, match=text) as caught:
        async with connect(str(getattr(url, f"with_{what}")(value))):
            pass

    assert "\n" not in str(caught.value)
    assert "guest:***@" in str(caught.value)
    assert "wrong-secret" not in str(caught.value)


async def test_it_says_what_it_found_and_leaves_no_queue_behind(transport: RabbitMQTransport) -> None:
    found = await transport.examine()

    assert [finding.about for finding in found] == ["version", "rights", "room"]
    assert ":examined:" not in await ctl("list_queues", "name", "--silent")


class Node:
    """A RabbitMQ server of the test's own, at a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as one, socket.socket() as other:
            for free in (one, other):
                free.bind(("127.0.0.1", 0))
            self.port, self.inner = one.getsockname()[1], other.getsockname()[1]
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        names = {
            "NODENAME": f"paigeant-{self.port}@localhost",
            "NODE_PORT": str(self.port),
            "DIST_PORT": str(self.inner),
            "MNESIA_BASE": str(self.folder / "data"),
            "LOG_BASE": str(self.folder / "log"),
            "ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "CONFIG_FILE": str(self.folder / "config"),
            "PID_FILE": str(self.folder / "pid"),
        }
        environment = {**os.environ, "HOME": str(self.folder)} | {f"RABBITMQ_{key}": names[key] for key in names}
        with (self.folder / "out").open("ab") as out:
            self.process = subprocess.Popen([SERVER], env=environment, stdout=out, stderr=out, start_new_session=True)
        end = monotonic() + 40
        while not self.answers():
            assert monotonic() < end, (self.folder / "out").read_text()
            sleep(0.05)

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it, by the id that it wrote."""
        if self.process is not None and self.process.poll() is None:
            os.kill(int((self.folder / "pid").read_text()), how)
            self.process.wait(20)

    def kill(self) -> None:
        """End it without a word."""
        self.stop(signal.SIGKILL)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    if not SERVER.exists():
        pytest.fail("this test starts a broker of its own: install rabbitmq-server")
    node = Node(tmp_path)
    node.start()
    yield node
    node.stop()


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_a_subscription_outlives_the_broker(node: Node) -> None:
    async with RabbitMQTransport(node.url) as transport, aclosing(transport.subscribe(["draft"])) as deliveries:
        for number in (1, 2):
            await publish(transport, number)
            await receive(transport, deliveries, number)
            await asyncio.to_thread(node.stop)
            with pytest.raises(Unavailable):
                await transport.publish("draft", sealed(number))
            await asyncio.to_thread(node.start)

        await publish(transport, 3)
        await receive(transport, deliveries, 3)


@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_runs_end_though_the_broker_is_killed_as_soon_as_its_queues_are_there(node: Node, tmp_path: Path) -> None:
    registry = ActivityRegistry()

    @registry.execute()
    async def add(payload: int, previous: int | None = None) -> int:
        await asyncio.sleep(0.05)
        return (previous if previous is not None else payload) + 1

    settings = Settings(store=f"sqlite:///{tmp_path}/paigeant.db", transport=node.url, grace=1)
    async with Paigeant(registry, workflows=[Workflow("sum", ["add"] * 4)], settings=settings) as app, app.worker():
        runs = await app.dispatch_many("sum", range(60))
        await asyncio.to_thread(node.kill)
        runs += await app.dispatch_many("sum", range(60, 80))
        await asyncio.to_thread(node.start)
        results = [await run.result(timeout=60) for run in runs]

    assert {str(result.status) for result in results} == {"completed"}
    assert [result.output for result in results] == [number + 4 for number in range(80)]


async def test_a_broker_that_refuses_what_is_needed_costs_the_connection_but_not_each_time(
    connect: Connect, proxy: Proxy, rabbitmq: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the old one of a failover: the address may lead elsewhere by now, and the connection does not."""
    name = f"paigeant:{rabbitmq.space()}:q:draft"
    async with await aio_pika.connect(rabbitmq.url) as connection, connection.channel() as channel:
        await channel.declare_queue(name, arguments={"x-max-length": 7}, auto_delete=False)
        async with connect(proxy.url) as transport:

            async def refused() -> int:
                with pytest.raises(ConfigError, match="other arguments"):
                    await transport.publish("draft", sealed(1))
                return len(proxy.writers)

            first = await refused()
            assert await refused() == first
            monkeypatch.setattr(connection_module, "SUSPECT", 0.0)
            await refused()
            assert await refused() > first

            await channel.queue_delete(name)
            await publish(transport, 1)
