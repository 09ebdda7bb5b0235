"""Two services, each with its own folder, handlers and libraries, carry one workflow; neither can import the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.integration.cli.conftest import run_within

WAREHOUSE = """
import shelves
from paigeant import ActivityContext, activity


@activity.execute()
def reserve(item: str, amount: int) -> dict[str, int | str]:
    return {"item": item, "shelf": shelves.find(item), "amount": amount}


@activity.compensate("reserve")
def put_back(log: dict[str, int | str]) -> None:
    shelves.put_back(log)


@activity.execute()
def ship(reserve: dict[str, int | str], invoice: str) -> str:
    return f"{reserve['amount']} from {reserve['shelf']}, {invoice}"
"""
SHELVES = """
from pathlib import Path


def find(item: str) -> str:
    return f"shelf {len(item)}"


def put_back(what: object) -> None:
    Path("put-back.txt").write_text(str(what))
"""
OFFICE = """
import ledger
from paigeant import Step, Terminal, Workflow, activity


@activity.execute()
def invoice(item: str, amount: int) -> str:
    if amount > 100:
        raise Terminal("nobody can pay that")
    return ledger.write(item, amount)


order = Workflow("order", [Step("reserve", elsewhere=True), "invoice", Step("ship", elsewhere=True)])
"""
LEDGER = """
def write(item: str, amount: int) -> str:
    return f"invoice for {amount} {item}"
"""
ELSEWHERE = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("postgres", "redis+postgres", "rabbitmq+postgres")]
"""Of these RabbitMQ and PostgreSQL carry the three services of `test_one_trace.py`, always."""
MINUTE = 60
PATIENCE = 150
"""Seconds until a run says that nobody serves it: a minute, and as long until a killed worker counts as gone."""
BACKENDS = ("sqlite", *ELSEWHERE)


class Services:
    """Folders with a service each, over one store and broker."""

    def __init__(self, folder: Path, where: dict[str, str]) -> None:
        self.folder = folder
        clean = {key: value for key, value in os.environ.items() if not key.upper().startswith(("PAIGEANT_", "PYTHON"))}
        self.environment = clean | where
        self.processes: list[subprocess.Popen[bytes]] = []

    def command(self, service: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "paigeant", *words],
            cwd=self.folder / service,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    def write(self, service: str, handlers: str, **files: str) -> None:
        folder = self.folder / service
        folder.mkdir()
        (folder / "handlers.py").write_text(handlers)
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text)

    def start(self, service: str, *options: str) -> None:
        folder = self.folder / service
        with (folder / "log").open("wb") as log:
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "paigeant", "run", "handlers.py", *options],
                    cwd=folder,
                    env=self.environment,
                    stdout=log,
                    stderr=log,
                )
            )
        end = monotonic() + 30
        while "worker started" not in (said := (folder / "log").read_text()):
            assert monotonic() < end, said
            assert self.processes[-1].poll() is None, said
            sleep(0.05)

    def wait_for(self, workflow_id: str, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return a run as it is shown once this is true of it."""
        end = monotonic() + PATIENCE
        while not true(run := self.shown("office", workflow_id)):
            assert monotonic() < end, run
            sleep(0.1)
        return run

    def shown(self, service: str, workflow_id: str) -> dict[str, Any]:
        """Return a run as ``show`` prints it, within this process: it is asked often, and a start costs a second."""
        quiet = {key: value for key, value in self.environment.items() if not key.startswith("OTEL_")}
        return json.loads(run_within(self.folder / service, ("show", workflow_id, "--json"), "", quiet).stdout)

    def stop(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()


@pytest.fixture(params=BACKENDS)
def services(
    request: pytest.FixtureRequest, tmp_path: Path, surroundings: Callable[..., dict[str, str]]
) -> Iterator[Services]:
    made = Services(tmp_path, surroundings(request.param, "reserve", "invoice", "ship"))
    made.write("warehouse", WAREHOUSE, shelves=SHELVES)
    made.write("office", OFFICE, ledger=LEDGER)
    yield made
    made.stop()


def known(services: Services, service: str) -> set[str]:
    """Return which modules of both services can be imported where this one runs."""
    code = """
import handlers, importlib
for name in ("shelves", "ledger"):
    try:
        importlib.import_module(name)
        print(name)
    except ModuleNotFoundError:
        pass
"""
    command = [sys.executable, "-c", code]
    ended = subprocess.run(
        command, cwd=services.folder / service, env=services.environment, capture_output=True, text=True, check=True
    )
    return set(ended.stdout.split())


def dispatch(services: Services, service: str, payload: dict[str, Any]) -> Any:
    (services.folder / service / "input.json").write_text(json.dumps(payload))
    ended = services.command(service, "dispatch", "order", "input.json", "--wait", "--timeout", "30", "--json")
    assert ended.stdout, ended.stderr
    return json.loads(ended.stdout)


def test_two_services_carry_one_workflow_and_know_nothing_of_each_other(services: Services):
    services.start("warehouse")
    services.start("office")

    done = dispatch(services, "warehouse", {"item": "lamp", "amount": 2})  # which knows the workflow by its name alone
    undone = dispatch(services, "office", {"item": "lamp", "amount": 200})

    assert (done["status"], done["output"]) == ("completed", "2 from shelf 4, invoice for 2 lamp")
    assert undone["status"] == "compensated"
    assert "200" in (services.folder / "warehouse" / "put-back.txt").read_text()
    assert known(services, "warehouse") == {"shelves"}
    assert known(services, "office") == {"ledger"}


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1, 60])
@pytest.mark.timeout(400)
def test_what_a_service_is_to_undo_waits_until_it_is_back(services: Services, seconds: int):
    """It reserved, and is down when the office fails: the run waits for it, and is undone when it returns."""
    services.start("warehouse")
    (services.folder / "office" / "input.json").write_text('{"item": "lamp", "amount": 200}')
    words = ("dispatch", "order", "input.json", "--handlers", "handlers.py", "--json")
    workflow_id = json.loads(services.command("office", *words).stdout)["workflow_id"]
    services.wait_for(workflow_id, lambda run: any(step["status"] == "completed" for step in run["steps"]))
    services.stop()
    services.start("office")

    services.wait_for(workflow_id, lambda run: run["steps"][-1]["direction"] == "compensate")
    sleep(seconds)  # this long it is down
    still = services.wait_for(workflow_id, lambda run: run["status"] == "waiting" or seconds < MINUTE)
    services.start("warehouse")
    undone = services.wait_for(workflow_id, lambda run: run["status"] not in {"running", "waiting"})

    expected = ("waiting", "unserved") if seconds >= MINUTE else ("running", None)
    assert (still["status"], still["reason"], undone["status"]) == (*expected, "compensated")
    assert "200" in (services.folder / "warehouse" / "put-back.txt").read_text()
    assert [(step["step"], step["direction"], step["status"]) for step in undone["steps"]] == [
        ("reserve", "execute", "completed"),
        ("invoice", "execute", "failed"),
        ("reserve", "compensate", "completed"),
    ]
