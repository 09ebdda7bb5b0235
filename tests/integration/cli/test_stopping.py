"""A worker stops when it is asked to, gracefully and then at once; its steps are released, not lost."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def gate(project: Any) -> Path:
    """What the step ``block`` waits for."""
    path = project.folder / "gate.open"
    project.write("block.json", {"until": str(path)})
    return path


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_an_idle_worker_stops_at_once(project: Any, number: signal.Signals, code: int):
    worker = project.worker()

    worker.send_signal(number)

    assert worker.wait(5) == code
    assert "Traceback" not in project.said(worker)
    assert "worker stopped" in project.said(worker)


def test_a_running_step_may_end(project: Any, until: Any, gate: Path):
    worker = project.worker()
    run = project.json("dispatch", "blocking", "block.json")["workflow_id"]
    until(gate.with_suffix(".begun").exists)

    worker.send_signal(signal.SIGTERM)
    until(lambda: "stopping: running steps get 5 s" in project.said(worker))
    gate.touch()

    assert worker.wait(10) == 0
    assert project.json("show", run)["status"] == "completed"


def test_a_step_that_does_not_end_in_time_is_released_and_not_failed(project: Any, until: Any, gate: Path):
    project.environment["PAIGEANT_GRACE"] = "0.2"
    worker = project.worker()
    run = project.json("dispatch", "blocking", "block.json")["workflow_id"]
    until(gate.with_suffix(".begun").exists)

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(15) == 0
    [step] = project.json("show", run)["steps"]
    assert (step["status"], step["errors"]) == ("pending", [])


def test_a_second_ctrl_c_does_not_wait(project: Any, until: Any, gate: Path):
    project.environment["PAIGEANT_GRACE"] = "600"
    worker = project.worker()
    project.paigeant("dispatch", "blocking", "block.json")
    until(gate.with_suffix(".begun").exists)

    worker.send_signal(signal.SIGINT)
    until(lambda: "Ctrl-C again stops at once" in project.said(worker))
    worker.send_signal(signal.SIGINT)

    assert worker.wait(15) == 130
    assert "stopping now" in project.said(worker)


def test_a_worker_is_started_again_when_its_file_changes(project: Any, until: Any):
    worker = project.worker("handlers.py", "--reload")
    project.write("handlers.py", "syntax error")
    until(lambda: "the worker has ended; it starts again when a file changes" in project.said(worker))
    project.write(
        "handlers.py",
        "from paigeant import Workflow\ndef other(name: str) -> str: return name\nw = Workflow('hello', [other])\n",
    )
    until(lambda: project.said(worker).count("worker started") > 1)

    ended = project.paigeant("dispatch", "hello", "input.json", "--wait", "--timeout", "20")
    worker.send_signal(signal.SIGINT)

    assert (ended.returncode, ended.stdout) == (0, "Ada\n")
    assert worker.wait(20) == 130


def test_only_what_is_named_is_served(project: Any):
    project.worker("handlers.py", "--activity", "greet", "--concurrency", "2")

    ended = project.paigeant("dispatch", "hello", "input.json", "--wait", "--timeout", "4", "--json")

    assert ended.returncode == 3
    assert "nobody serves step 'shout'" in ended.stderr
    assert project.json("runs")["runs"][0]["status"] in {"running", "waiting"}


HANGING = """
import asyncio, time
from pathlib import Path
from paigeant import Workflow, activity

@activity.execute()
async def stubborn(until: str) -> None:
    Path(until).with_suffix(".begun").touch()
    while True:
        try:
            await asyncio.to_thread(time.sleep, 600)
        except asyncio.CancelledError:
            pass

w = Workflow("stubborn", ["stubborn"])
"""


def test_code_that_cannot_be_stopped_does_not_keep_the_process(project: Any, until: Any, gate: Path):
    project.environment["PAIGEANT_GRACE"] = "0"
    project.write("handlers.py", HANGING)
    worker = project.worker()
    project.paigeant("dispatch", "stubborn", "block.json")
    until(gate.with_suffix(".begun").exists)

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(25) == 0
    assert "ending, though code of a step still runs" in project.said(worker)
