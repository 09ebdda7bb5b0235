"""Workers in two networks, which see the servers and not each other, carry one workflow. Only root makes networks."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from chaos.servers.postgres import Postgres
from chaos.servers.redis import RedisServer
from paigeant import ActivityRegistry, Paigeant, RunStatus, Step, Workflow
from paigeant.config import Settings
from paigeant.testing.waiting import eventually

HANDLERS = """
import os
from paigeant import activity

@activity.execute("{name}")
def step(previous: list[str]) -> list[str]:
    return [*previous, os.readlink("/proc/self/ns/net")]
"""


class Network(NamedTuple):
    """A network namespace, joined to this machine's by one cable."""

    name: str
    here: str
    there: str

    def run(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *words]


def do(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@pytest.fixture
def networks() -> Iterator[list[Network]]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("only root can make networks, with `ip` (on Debian: apt-get install iproute2)")
    part = secrets.randbelow(250)
    with ExitStack() as stack:
        made: list[Network] = []
        for number in (1, 2):
            name = f"pg{secrets.token_hex(3)}{number}"
            network = Network(name, f"10.231.{part}.{number * 4 + 1}", f"10.231.{part}.{number * 4 + 2}")
            do("ip", "netns", "add", name)
            stack.callback(do, "ip", "netns", "delete", name)  # and its cable with it
            do("ip", "link", "add", f"{name}h", "type", "veth", "peer", "name", f"{name}p")
            do("ip", "link", "set", f"{name}p", "netns", name)
            do("ip", "addr", "add", f"{network.here}/30", "dev", f"{name}h")
            do("ip", "link", "set", f"{name}h", "up")
            do(*network.run("ip", "addr", "add", f"{network.there}/30", "dev", f"{name}p"))
            do(*network.run("ip", "link", "set", f"{name}p", "up"))
            made.append(network)
        yield made


class OpenPostgres(Postgres):
    """Answers in every network."""

    settings = (*Postgres.settings, "listen_addresses=*")

    async def prepare(self) -> None:
        await super().prepare()
        with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.231.0.0/16 trust\n")


class OpenRedis(RedisServer):
    """Answers in every network."""

    def command(self) -> list[str]:
        return [*super().command(), "--bind", "0.0.0.0", "--protected-mode", "no"]


@pytest.fixture
async def servers(new_open_folder: Callable[[], Path]):
    folder = new_open_folder()
    postgres, redis = OpenPostgres(folder), OpenRedis(folder)
    try:
        for server in (postgres, redis):
            await server.prepare()
            await server.start()
        await Paigeant(settings=Settings(store=postgres.url)).administration.upgrade_schema()
        yield postgres, redis
    finally:
        await redis.stop()
        await postgres.stop()


def start(network: Network, folder: Path, where: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a worker in a network, which serves what its folder is called."""
    folder.mkdir()
    (folder / "handlers.py").write_text(HANDLERS.format(name=folder.name))
    command = network.run(sys.executable, "-m", "paigeant", "run", "handlers.py")
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, env=os.environ | where, stdout=log, stderr=log)


async def started(folder: Path) -> bool:
    return "worker started" in (folder / "log").read_text()


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_workers_in_two_networks_carry_one_workflow(
    servers: tuple[OpenPostgres, OpenRedis], networks: list[Network], tmp_path: Path
):
    postgres, redis = servers
    workers: list[subprocess.Popen[bytes]] = []
    try:
        for network, name in zip(networks, ("one", "two"), strict=True):
            where = {
                "PAIGEANT_STORE": postgres.url.replace("127.0.0.1", network.here),
                "PAIGEANT_TRANSPORT": redis.url.replace("127.0.0.1", network.here),
            }
            workers.append(start(network, tmp_path / name, where))
        for name in ("one", "two"):
            await eventually(lambda name=name: started(tmp_path / name), within=30)
        steps = [Step(name, elsewhere=True) for name in ("one", "two", "one", "two")]
        settings = Settings(store=postgres.url, transport=redis.url)
        async with Paigeant(ActivityRegistry(), settings=settings) as app:
            runs = [await app.dispatch(Workflow("between", steps), []) for _ in range(20)]
            results = [await run.result(timeout=40) for run in runs]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()

    here = os.readlink("/proc/self/ns/net")  # noqa: PTH115  (it is no path that leads anywhere)
    assert {result.status for result in results} == {RunStatus.COMPLETED}
    for result in results:
        one, two, *again = result.output
        assert again == [one, two]
        assert len({one, two, here}) == 3
