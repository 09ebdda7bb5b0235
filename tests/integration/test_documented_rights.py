"""The rights that ``docs/howto/operate.md`` names are enough for everything: what is granted here is read there."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from pydantic_core import to_json

from chaos.servers.postgres import Postgres
from chaos.servers.rabbitmq import RabbitMQ
from chaos.servers.redis import RedisServer
from paigeant import ActivityContext, ActivityRegistry, Paigeant, Parallel, Terminal, Wait, Workflow
from paigeant.abc import Transport
from paigeant.app.custody import Custody
from paigeant.app.upkeep.log_lines import LogReader, prune_lines
from paigeant.app.upkeep.log_stores import open_log_store
from paigeant.config import Settings
from paigeant.model.checks.findings import Severity
from paigeant.model.hops import Sealed
from paigeant.model.runs import RunStatus
from paigeant.model.stored.log_lines import LogFilter
from paigeant.testing.waiting import eventually

GUIDE = (Path(__file__).parents[2] / "docs/howto/operate.md").read_text("utf-8")
PATIENCE = 30.0


def documented(pattern: str) -> list[str]:
    """Return what the guide says in these words, its lines joined."""
    found = re.findall(pattern, " ".join(GUIDE.split()))
    assert found, f"the guide does not say {pattern!r} any more"
    return found


LONG = "n" * 90
"""A name so long that an itinerary of it is kept beside the messages."""


def registry() -> ActivityRegistry:
    """Return steps that record what there is to be recorded."""
    made = ActivityRegistry()

    @made.execute("one")
    async def one(ctx: ActivityContext) -> int:
        await ctx.save_variable("seen", 1)
        await ctx.checkpoint("fetched", lambda: 5)
        return 1

    made.compensate("one")(lambda: None)
    made.execute(LONG)(lambda: 1)

    @made.execute("fail")
    async def fail() -> None:
        raise Terminal("this never works")

    return made


WORKFLOWS = {
    "bad": (Workflow("bad", ["one", "fail"]), RunStatus.COMPENSATED),
    "waiting": (Workflow("waiting", [Wait("go"), "one"]), RunStatus.COMPLETED),
    "at once": (Workflow("at_once", [Parallel("one", twice=["one"]), "one"]), RunStatus.COMPLETED),
    "long": (Workflow("long", [LONG] * 60), RunStatus.COMPLETED),
}


async def use(settings: Settings) -> None:
    """Do what workers, dispatchers and operators do: check, dispatch, run, undo, steer, see to letters, and prune."""
    workflows = [workflow for workflow, _ in WORKFLOWS.values()]
    async with Paigeant(registry(), workflows=workflows, settings=settings) as app:
        transport = app.runtime.transport
        for part in (app.store, *([transport] if transport else [])):
            assert [one for one in await part.examine() if one.severity is Severity.PROBLEM] == []
        async with app.worker():
            runs = {name: await app.dispatch(workflow, {}) for name, (workflow, _) in WORKFLOWS.items()}
            await runs["waiting"].set_variable("large", "x" * 9000)
            await runs["waiting"].signal("go")
            for name, (_, status) in WORKFLOWS.items():
                assert (await runs[name].result(PATIENCE)).status is status
            await steer(app)
            if transport is not None:
                await see_to_a_letter(app, transport)
        assert sum([batch.runs async for batch in app.administration.prune(0)]) >= len(WORKFLOWS)


async def steer(app: Paigeant) -> None:
    """Cancel, end, fork and list runs."""
    one, other = await app.dispatch_many("waiting", [{}, {}])
    await one.cancel(compensate=True)
    assert (await one.result(PATIENCE)).status is RunStatus.CANCELLED
    assert await other.terminate() is RunStatus.TERMINATED
    failed = await app.dispatch("bad", {}, dispatch_key="bad")
    assert (await failed.result(PATIENCE)).status is RunStatus.COMPENSATED
    fork = await failed.fork("fail")
    assert (await fork.result(PATIENCE)).status is RunStatus.FAILED
    await fork.retry()
    assert (await fork.result(PATIENCE)).status is RunStatus.FAILED
    await app.runs()
    await app.list_workers()


async def see_to_a_letter(app: Paigeant, transport: Transport) -> None:
    """Send what is no message, read it as a dead letter, send it again, and drop it."""
    await transport.depth("one")
    await transport.publish("one", Sealed("stranger", "one", b"x" * 2_000_000))

    async def kept() -> bool:
        return bool((await app.administration.list_dead_letters()).dead_letters)

    await eventually(kept, within=PATIENCE)
    await transport.publish("one", Sealed("other", "one", b"no message"))
    await eventually(kept, within=PATIENCE)
    [*_, letter] = (await app.administration.list_dead_letters()).dead_letters
    await app.administration.replay_dead_letters([letter.id])
    assert await app.administration.drop_dead_letters() >= 1


def keep_a_line(settings: Settings) -> None:
    """Write a log line, read it, and delete it."""
    store = open_log_store(settings.store)
    line = {"timestamp": "2026-01-01T00:00:00+00:00", "level": "info", "event": "here"}
    store.write([store.row_of(line, to_json(line).decode())])
    store.close()
    with LogReader(settings) as reader:
        assert len(reader.read(LogFilter(settings.namespace))) == 1
    assert prune_lines(settings, timedelta(0)) == 1


async def use_what_is_signed(settings: Settings) -> None:
    """Do what workers, dispatchers and operators do with signing on, but for pruning."""
    workflows = [workflow for workflow, _ in WORKFLOWS.values()]
    async with Paigeant(registry(), workflows=workflows, settings=settings) as app:
        assert [one for one in await app.store.examine() if one.severity is Severity.PROBLEM] == []
        async with app.worker():
            run = await app.dispatch("waiting", {})
            await run.signal("go")
            assert (await run.result(PATIENCE)).status is RunStatus.COMPLETED
        assert (await Custody(app).verify(run.workflow_id)).verdict == "intact"


async def tell(server: Postgres, statement: str, user: str | None = None) -> None:
    """Execute a statement, as its owner or as somebody else."""
    connection = await asyncpg.connect(server.url, user=user)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_documented_grants_of_postgresql_suffice(new_open_folder: Callable[[], Path], tmp_path: Path):
    owner_makes = documented(r"`(CREATE SCHEMA paigeant AUTHORIZATION) shop_owner`")
    grants = documented(r"`(GRANT [^`]+ SCHEMA paigeant)`")
    revokes = documented(r"`(REVOKE UPDATE, DELETE ON [^`]+)`")
    server = Postgres(new_open_folder())
    await server.prepare()
    try:
        await server.start()
        connection = await asyncpg.connect(server.url)
        await connection.execute("CREATE ROLE shop_owner LOGIN")
        await connection.execute("CREATE ROLE shop LOGIN")
        await connection.execute(f"{owner_makes[0]} shop_owner")
        there = f"127.0.0.1:{server.port}/postgres"
        owner = Settings(store=f"postgresql://shop_owner@{there}", log_sink="store")
        await Paigeant(settings=owner).administration.upgrade_schema()
        for grant in grants:
            await connection.execute(f"{grant} TO shop")
        await connection.close()

        shop = Settings(store=f"postgresql://shop@{there}", log_sink="store")
        await use(shop)
        await asyncio.to_thread(keep_a_line, shop)

        for revoke in revokes:
            await tell(server, f"{revoke} FROM shop")
        await use_what_is_signed(shop.model_copy(update={"signing": "on", "file": tmp_path / "paigeant.yaml"}))
        for table in ("records", "deeds", "signing_keys"):
            for statement in (f"UPDATE paigeant.{table} SET text = ''", f"DELETE FROM paigeant.{table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await tell(server, statement, user="shop")
    finally:
        await server.stop()


async def test_the_documented_acl_of_redis_suffices(tmp_path: Path):
    if shutil.which("redis-server") is None:
        pytest.fail("this test starts a server of its own: install redis-server")
    [least] = documented(r"`(~pg:\* [^`]+)`")
    server = RedisServer(tmp_path)
    await server.prepare()
    try:
        await server.start()
        await server.tell("ACL", "SETUSER", "shop", "on", ">sesame", *least.split())
        broker = f"redis://shop:sesame@127.0.0.1:{server.port}/0"

        await use(Settings(store=f"sqlite:///{tmp_path}/a.db", transport=broker))
    finally:
        await server.stop()


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_the_documented_permissions_of_rabbitmq_suffice(tmp_path: Path):
    [(configure, write, read)] = documented(r"`rabbitmqctl set_permissions -p VHOST USER '(.+?)' '(.+?)' '(.+?)'`")
    server = RabbitMQ(tmp_path)
    await server.prepare()
    try:
        await server.start()
        for command in (
            ["add_vhost", "shop"],
            ["add_user", "shop", "sesame"],
            ["set_permissions", "-p", "shop", "shop", configure, write, read],
        ):
            await asyncio.to_thread(control, server, command)
        broker = f"amqp://shop:sesame@127.0.0.1:{server.port}/shop"

        await use(Settings(store=f"sqlite:///{tmp_path}/a.db", transport=broker))
    finally:
        await server.stop()


def control(server: RabbitMQ, command: list[str]) -> None:
    """Tell a node of the test's own."""
    node, cookie = server.environment()["RABBITMQ_NODENAME"], (server.folder / ".erlang.cookie").read_text()
    program = shutil.which("rabbitmqctl") or "/usr/sbin/rabbitmqctl"
    words = [program, "-n", node, "--erlang-cookie", cookie, *command]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
