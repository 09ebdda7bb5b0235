"""The supervisor of worker processes goes on, whatever becomes of one of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from time import monotonic
from typing import Any

import pytest

from tests.integration.cli.test_metrics import fetch, free_port

MOODY = """
import time
from pathlib import Path
from paigeant import activity

if Path("broken").exists():
    raise RuntimeError("a bad deploy")
if Path("hanging").exists():
    time.sleep(600)


@activity.execute()
def greet(name: str) -> str:
    return f"Hello {name}"
"""


def pids(project: Any) -> set[int]:
    return {worker["pid"] for worker in json.loads(project.paigeant("workers", "--json").stdout)["workers"]}


def test_a_worker_that_cannot_start_again_is_tried_again_while_the_others_work(project: Any, until: Any):
    project.write("handlers.py", MOODY)
    port = free_port()
    proxy = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}  # workers are asked directly
    supervisor = project.start("run", "handlers.py", "--processes", "2", "--metrics-port", str(port), **proxy)
    until(lambda: fetch(port, "/ready")[0] == 200)
    before = pids(project)

    broken = project.write("broken", "")
    os.kill(min(before), signal.SIGKILL)
    until(lambda: project.said(supervisor).count("starting it again") >= 2)
    assert supervisor.poll() is None
    assert max(before) in pids(project)
    assert "1 of 2 workers are down" in fetch(port, "/ready")[1] or "it starts" in fetch(port, "/ready")[1]

    broken.unlink()
    until(lambda: fetch(port, "/ready")[0] == 200)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(30) == 0


def test_a_worker_that_is_drained_ends_its_step_and_is_not_started_again(project: Any, until: Any):
    port, gate = free_port(), project.folder / "gate"
    supervisor = project.start("run", "handlers.py", "--processes", "2", "--metrics-port", str(port))
    until(lambda: fetch(port, "/ready")[0] == 200)
    project.write("input.json", {"until": str(gate)})
    run = project.json("dispatch", "blocking", "input.json")["workflow_id"]
    until(lambda: gate.with_suffix(".begun").exists())
    busy = project.json("show", run)["steps"][0]["worker"]
    [idle] = [worker["id"] for worker in project.json("workers")["workers"] if worker["id"] != busy]

    assert project.paigeant("workers", "drain", busy).returncode == 0
    until(lambda: "worker draining" in project.said(supervisor))
    assert [worker["id"] for worker in project.json("workers")["workers"] if worker["draining"]] == [busy]
    assert "draining" in project.paigeant("workers").stdout
    assert project.json("top")["draining"] == 1
    gate.touch()
    until(lambda: [worker["id"] for worker in project.json("workers")["workers"]] == [idle])
    assert project.json("show", run)["status"] == "completed"
    until(lambda: fetch(port, "/ready")[0] == 200)  # of one worker, for no other is wanted

    assert project.paigeant("workers", "drain", idle).returncode == 0
    assert supervisor.wait(30) == 0
    assert "starting it again" not in project.said(supervisor)
    assert project.paigeant("workers", "drain", idle).returncode == 2


@pytest.mark.parametrize("fault", ["broken", pytest.param("hanging", marks=pytest.mark.slow)])
def test_a_roll_to_what_does_not_start_ends_in_time_and_leaves_the_old_worker(project: Any, until: Any, fault: str):
    project.write("handlers.py", MOODY)
    port = free_port()
    code = (
        "import sys; from paigeant.cli.workers.processes import Supervisor; "
        "sys.argv = ['paigeant', 'run', 'handlers.py']; "
        f"sys.exit(Supervisor(1, 5.0, starts_within=3.0).run(None, {port}))"
    )
    with (project.folder / "said").open("w") as said:
        supervisor = subprocess.Popen(
            [sys.executable, "-c", code], cwd=project.folder, env=project.environment, stderr=said
        )
    try:
        until(lambda: fetch(port, "/ready")[0] == 200)
        before = pids(project)
        project.write(fault, "")

        supervisor.send_signal(signal.SIGHUP)
        until(lambda: "the old ones go on" in (project.folder / "said").read_text())
        assert fetch(port, "/ready")[0] == 200
        assert pids(project) == before

        supervisor.send_signal(signal.SIGHUP)
        asked = monotonic()
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(30) == 0
        assert monotonic() - asked < 20
    finally:
        supervisor.kill()
        supervisor.wait()
    assert pids(project) == set()
