"""Whatever a Redis refuses for a while, runs end meanwhile, and the broker is used again within seconds."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from chaos.servers.redis import RedisServer
from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.config import Settings
from paigeant.engine.intake import drought
from paigeant.errors import ConfigError, ResultTimeout, Unavailable
from paigeant.model.checks.findings import Severity
from paigeant.model.runs import RunStatus
from paigeant.testing.transports import sealed
from paigeant.testing.waiting import eventually
from paigeant.transports.redis import RedisStreamTransport
from tests.integration.resp_proxy import RespProxy

SOON = 8.0

REFUSALS = [
    "MOVED 3999 127.0.0.1:6381",
    "ASK 3999 127.0.0.1:6381",
    "CLUSTERDOWN The cluster is down",
    "CLUSTERDOWN Hash slot not served",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "CROSSSLOT Keys in request don't hash to the same slot",
    "LOADING Redis is loading the dataset in memory",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "READONLY You can't write against a read only replica.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "NOREPLICAS Not enough good replicas to write.",
    "NOAUTH Authentication required.",
    "NOPERM this user has no permissions to run the 'eval' command",
    "WRONGPASS invalid username-password pair or user is disabled.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "ERR max number of clients reached",
    "ERR something that no version has said so far",
]


class ClusterNode(RedisServer):
    """A node of a cluster that has nobody else."""

    def command(self) -> list[str]:
        with socket.socket() as probe:  # by default 10,000 above the other one, which need not be a port at all
            probe.bind(("127.0.0.1", 0))
            return [*super().command(), "--cluster-enabled", "yes", "--cluster-port", str(probe.getsockname()[1])]


@asynccontextmanager
async def own_server(server: RedisServer) -> AsyncIterator[RedisServer]:
    """Start a server of the test's own, for as long as it is needed."""
    if shutil.which("redis-server") is None:
        pytest.fail("this test starts a server of its own: install redis-server")
    await server.prepare()
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with own_server(RedisServer(tmp_path / "redis")) as server:
        yield server


class Outage:
    """A system of its own over one server, which refuses each command for a while."""

    def __init__(self, refusal: str, server: RedisServer, folder: Path) -> None:
        self.refusal, self.server, self.folder = refusal, server, folder

    async def prepare(self, stack: AsyncExitStack) -> None:
        self.folder.mkdir()
        registry, workflows = ActivityRegistry(), [Workflow("w", ["one", "two"])]
        registry.execute("one")(lambda: 1)
        registry.execute("two")(lambda: 2)
        self.proxy = await stack.enter_async_context(RespProxy(self.server.port))
        broker = f"redis://127.0.0.1:{self.proxy.port}/0"
        settings = Settings(store=f"sqlite:///{self.folder}/a.db", namespace=self.folder.name, transport=broker)
        worker = await stack.enter_async_context(Paigeant(registry, workflows=workflows, settings=settings))
        await stack.enter_async_context(worker.worker())
        self.app = await stack.enter_async_context(Paigeant(workflows=workflows, settings=settings))
        await eventually(self.completes, within=SOON)

    async def endure(self) -> None:
        """Complete runs all the same, from the store."""
        self.proxy.error = self.refusal
        for _ in range(5):
            run = await self.app.dispatch("w", {})
            assert (await run.result(3 * SOON)).status is RunStatus.COMPLETED
        assert self.proxy.refused > 5

    async def recover(self) -> None:
        """Use the broker again, within seconds: runs go over it, and what it had given before is acknowledged."""
        self.proxy.error = None
        await eventually(self.completes, within=SOON)
        await eventually(self.is_settled, within=SOON)

    async def completes(self) -> bool:
        run = await self.app.dispatch("w", {})
        with suppress(ResultTimeout):
            return (await run.result(2)).status is RunStatus.COMPLETED
        return False

    async def is_settled(self) -> bool:
        keys = [f"pg:{{{self.folder.name}}}:q:{name}" for name in ("one", "two")]
        return [await self.server.tell("XLEN", key) for key in keys] == [0, 0]


@pytest.mark.timeout(90)
async def test_work_goes_on_whatever_is_refused_and_over_the_broker_again_soon_after(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    outages = [Outage(refusal, server, tmp_path / f"n{number}") for number, refusal in enumerate(REFUSALS)]

    async def all_do(what: Callable[[Outage], Awaitable[None]]) -> dict[str, BaseException]:
        said = await asyncio.gather(*map(what, outages), return_exceptions=True)
        return {one.refusal: error for one, error in zip(outages, said, strict=True) if error is not None}

    async with AsyncExitStack() as stack:
        assert not await all_do(lambda outage: outage.prepare(stack))
        with monkeypatch.context() as patched:
            patched.setattr(drought, "DRY", 0.5)
            assert not await all_do(Outage.endure)
        monkeypatch.setattr(drought, "DRY", 60.0)
        assert not await all_do(Outage.recover)


async def problems(url: str) -> dict[str, str]:
    """Return what `paigeant doctor` finds wrong with a broker."""
    settings = Settings(store="memory://", transport=url)
    return {
        one.finding.about: one.finding.said
        async for one in Paigeant(settings=settings).administration.examine()
        if one.part == "transport" and one.finding.severity is not Severity.OK
    }


@pytest.mark.parametrize("user", ["", "me:sesame@"])
async def test_a_node_of_a_cluster_is_refused_at_the_start(tmp_path: Path, user: str):
    async with own_server(ClusterNode(tmp_path)) as server:
        rights = "~pg:* +@stream +@transaction +eval +ping +select"  # without +info, too
        await server.tell("ACL", "SETUSER", "me", "on", ">sesame", *rights.split())
        url = f"redis://{user}127.0.0.1:{server.port}/0"

        with pytest.raises(ConfigError, match="Redis Cluster, which is not supported: name a server that is in none"):
            async with Paigeant(settings=Settings(store="memory://", transport=url)) as app, app.worker():
                pass
        assert "not supported" in (await problems(url))["usable"]


async def test_a_server_that_takes_no_messages_for_now_is_told_by_doctor(server: RedisServer):
    await server.demote()

    assert "it is a replica" in (await problems(server.url))["messages"]


async def test_a_disk_that_cannot_be_written_is_told_and_waited_for(server: RedisServer, tmp_path: Path):
    snapshot = server.folder / "dump.rdb"
    await server.tell("CONFIG", "SET", "save", "3600 1")

    async def saved() -> bool:
        await server.tell("BGSAVE")
        await asyncio.sleep(0.1)
        return (await server.tell("INFO", "persistence"))["rdb_last_bgsave_status"] == "ok"

    async def not_saved() -> bool:
        return not await saved()

    async with RedisStreamTransport(server.url) as transport:
        snapshot.mkdir()  # so that no file can take its place
        await eventually(not_saved, within=SOON)

        with pytest.raises(Unavailable, match="cannot write to its disk"):
            await transport.publish("draft", sealed(1))
        found = await problems(server.url)
        assert "cannot write to its disk" in str(found), found

        snapshot.rmdir()
        await eventually(saved, within=SOON)
        await transport.publish("draft", sealed(1))
