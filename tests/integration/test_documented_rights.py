"""The rights that ``docs/howto/operate.md`` names are enough for everything: what is granted here is read there."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from chaos.servers.postgres import Postgres
from chaos.servers.rabbitmq import RabbitMQ
from chaos.servers.redis import RedisServer
from paigeant import ActivityRegistry, Paigeant, Terminal, Workflow
from paigeant.config import Settings
from paigeant.model.checks.findings import Severity
from paigeant.model.runs import RunStatus

GUIDE = (Path(__file__).parents[2] / "docs/howto/operate.md").read_text("utf-8")
PATIENCE = 30.0


def documented(pattern: str) -> list[str]:
    """Return what the guide says in these words, its lines joined."""
    found = re.findall(pattern, " ".join(GUIDE.split()))
    assert found, f"the guide does not say {pattern!r} any more"
    return found


async def use(settings: Settings) -> None:
    """Do what workers and dispatchers do: check, dispatch, run, undo, wait for changes, and stop."""
    registry = ActivityRegistry()
    registry.execute("one")(lambda: 1)
    registry.compensate("one")(lambda: None)

    @registry.execute("fail")
    async def fail() -> None:
        raise Terminal("this never works")

    workflows = [Workflow("good", ["one"]), Workflow("bad", ["one", "fail"])]
    async with Paigeant(registry, workflows=workflows, settings=settings) as app:
        transport = app.runtime.transport
        for part in (app.store, *([transport] if transport else [])):
            assert [one for one in await part.examine() if one.severity is Severity.PROBLEM] == []
        async with app.worker():
            good, bad = await app.dispatch("good", {}), await app.dispatch("bad", {})
            assert (await good.result(PATIENCE)).status is RunStatus.COMPLETED
            assert (await bad.result(PATIENCE)).status is RunStatus.COMPENSATED
        await app.store.list_runs()


async def test_the_documented_grants_of_postgresql_suffice(new_open_folder: Callable[[], Path]):
    owner_makes = documented(r"`(CREATE SCHEMA paigeant AUTHORIZATION) shop_owner`")
    grants = documented(r"`(GRANT [^`]+ SCHEMA paigeant)`")
    server = Postgres(new_open_folder())
    await server.prepare()
    try:
        await server.start()
        connection = await asyncpg.connect(server.url)
        await connection.execute("CREATE ROLE shop_owner LOGIN")
        await connection.execute("CREATE ROLE shop LOGIN")
        await connection.execute(f"{owner_makes[0]} shop_owner")
        there = f"127.0.0.1:{server.port}/postgres"
        owner = Settings(store=f"postgresql://shop_owner@{there}")
        await Paigeant(settings=owner).administration.upgrade_schema()
        for grant in grants:
            await connection.execute(f"{grant} TO shop")
        await connection.close()

        await use(Settings(store=f"postgresql://shop@{there}"))
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
