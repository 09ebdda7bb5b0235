"""Workers as real processes over one database, to be killed, and the log of what their steps did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from paigeant.config import Settings

TOPICS = {"one", "two", "three", "four", "five", "swallow", "block", "hang_once", "wait", "crawl"}

HANDLERS = """
import json, os, random, signal, time
from paigeant import ActivityContext, Workflow, activity

log = os.open("effects.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def effect(ctx: ActivityContext, name: str, seen: int) -> int:
    time.sleep(random.random() * 0.02)
    line = {"run": str(ctx.workflow_id), "step": name, "key": ctx.idempotency_key, "pid": os.getpid()}
    os.write(log, (json.dumps(line) + "\\n").encode())
    time.sleep(random.random() * 0.02)
    return seen + 1


def add(name: str):
    @activity.execute(name)
    def step(ctx: ActivityContext, previous: int) -> int:
        return effect(ctx, name, previous)


for name in ("one", "two", "three", "four", "five"):
    add(name)

@activity.execute()
def swallow(ctx: ActivityContext, payload: str) -> str:
    time.sleep(0.2)
    if payload == "poison":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    return payload


chain = Workflow("chain", ["one", "two", "three", "four", "five"])
table = Workflow("table", ["swallow"])
"""


class Crew:
    """Workers in a folder of their own."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self.url = settings.store
        self.workers: list[subprocess.Popen[bytes]] = []
        clean = {key: value for key, value in os.environ.items() if not key.upper().startswith("PAIGEANT_")}
        self.environment = clean | {"PAIGEANT_LEASE": "3", "PAIGEANT_STORE": self.url}
        if settings.transport is not None:
            self.environment |= {"PAIGEANT_TRANSPORT": settings.transport, "PAIGEANT_NAMESPACE": settings.namespace}
        (folder / "handlers.py").write_text(HANDLERS)

    def lease(self, seconds: float) -> None:
        """Give the workers that are hired from now on leases of this length.

        Where they hold many steps on a machine with other load, beats may come later than a lease of three seconds has
        it, and a step whose lease has run out as often as it may be tried fails its run.
        """
        self.environment["PAIGEANT_LEASE"] = str(seconds)

    def hire(self) -> subprocess.Popen[bytes]:
        log = (self.folder / f"worker-{len(self.workers)}.log").open("wb")
        command = [sys.executable, "-m", "paigeant", "run", "handlers.py"]
        worker = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        log.close()
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    def effects(self) -> list[dict[str, Any]]:
        path = self.folder / "effects.log"
        whole = path.read_text().rpartition("\n")[0] if path.exists() else ""  # the last line may be half written
        return [json.loads(line) for line in whole.splitlines()]

    def wait_for_effects(self, count: int, patience: float = 15) -> None:
        end = monotonic() + patience
        while len(self.effects()) < count:
            assert monotonic() < end, self.logs()
            sleep(0.02)

    def logs(self) -> str:
        return "\n".join(path.read_text()[-2000:] for path in sorted(self.folder.glob("worker-*.log")))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])  # where chaos kills, too
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Which store and which broker: named as in ``redis+postgres``."""
    broker, _, kind = request.param.rpartition("+")
    sqlite = f"sqlite:///{tmp_path}/.paigeant/paigeant.db"
    store = sqlite if kind == "sqlite" else request.getfixturevalue("new_postgres")()
    if not broker:
        return Settings(store=store)
    if broker == "redis":
        corner = request.getfixturevalue("redis_corner")
        return Settings(store=store, transport=corner.url, namespace=corner.name)
    corner = request.getfixturevalue("rabbitmq")
    corner.topics = TOPICS
    return Settings(store=store, transport=corner.url, namespace=corner.space())


@pytest.fixture
def crew(tmp_path: Path, settings: Settings) -> Iterator[Crew]:
    crew = Crew(tmp_path, settings)
    yield crew
    for worker in crew.workers:
        if worker.poll() is None:
            crew.kill(worker)
