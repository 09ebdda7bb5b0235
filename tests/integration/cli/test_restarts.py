"""A question outlives all that asked it: worker, broker and store may be gone before somebody answers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from chaos.servers.postgres import Postgres
from chaos.servers.rabbitmq import RabbitMQ
from chaos.servers.redis import RedisServer
from chaos.servers.server import Server
from tests.integration.cli.test_approvals import HANDLERS

BROKERS: Final[dict[str, type[RedisServer | RabbitMQ]]] = {"redis": RedisServer, "rabbitmq": RabbitMQ}
NOTED: Final = """
from pathlib import Path
from pydantic_ai import Agent
from pydantic_ai.models.function import FunctionModel


def note(what: str) -> None:
    with Path("noted").open("a") as file:
        file.write(what + "\\n")
"""


@pytest.fixture
def servers(request: pytest.FixtureRequest, tmp_path: Path, new_open_folder: Callable[[], Path]) -> Iterator[Any]:
    """Start a broker and a store of the test's own; yields what is told to both."""
    there: list[Server] = [BROKERS[request.param.partition("+")[0]](tmp_path), Postgres(new_open_folder())]
    with asyncio.Runner() as runner:

        def tell(*orders: str) -> None:
            for server in there:
                for order in orders:
                    runner.run(getattr(server, order)())

        try:
            tell("prepare", "start")
            yield *there, tell
        finally:
            tell("stop")


@pytest.mark.slow
@pytest.mark.parametrize("servers", ["redis+postgres", "rabbitmq+postgres"], indirect=True)
def test_an_approval_is_given_after_worker_broker_and_store_were_killed(servers: Any, project: Any, until: Any):
    broker, store, tell = servers
    project.environment |= {"PAIGEANT_STORE": store.url, "PAIGEANT_TRANSPORT": broker.url, "PAIGEANT_LEASE": "30"}
    noted = HANDLERS.replace("    if len(messages)", "    note('asked')\n    if len(messages)")
    noted = noted.replace('    return f"paid', '    note(f"paid {eur}")\n    return f"paid')
    project.write("handlers.py", NOTED + noted)
    assert project.process("db", "upgrade").returncode == 0
    worker = project.worker()
    run = project.process("dispatch", "paying").stdout.strip()
    [asked] = until(lambda: project.json("approvals", "list")["approvals"])

    os.killpg(worker.pid, signal.SIGKILL)
    tell("kill", "start")
    answered = project.process("approvals", "approve", str(asked["id"]), "--edit", '{"eur": 4}')
    tell("kill", "start")
    project.worker()

    assert answered.returncode == 0, answered.stderr
    shown = until(lambda: (it := project.json("show", run))["status"] == "completed" and it)
    assert (shown["output"], shown["steps"][0]["attempt"]) == ("told", 1)
    assert (project.folder / "noted").read_text().split("\n")[:-1] == ["asked", "paid 4", "asked"]
