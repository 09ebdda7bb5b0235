"""Whatever ends a program or its terminal, it goes quietly, and a worker hands back what it has."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PRINTING = """
from pathlib import Path
from paigeant import Workflow, activity


@activity.execute()
def say(times: int) -> str:
    for _ in range(times):
        print("x" * 1000, flush=True)
    return "said"


saying = Workflow("saying", ["say"])
"""


@pytest.mark.parametrize("module", ["paigeant", "paigeant_start"])
def test_ctrl_c_is_quiet_while_the_program_is_still_loaded(empty: Any, until: Any, module: str):
    process = subprocess.Popen(
        [sys.executable, "-v", "-m", module, "runs"],
        cwd=empty.folder,
        env=empty.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:  # type: ignore[union-attr]  (a piece of the package that is loaded at last)
        if "pydantic_core/core_schema.py" in line:
            break

    process.send_signal(signal.SIGINT)

    said, errors = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "")
    assert "Traceback" not in errors


def test_nothing_is_loaded_before_ctrl_c_is_quiet():
    program = "import sys; before = {*sys.modules}; import paigeant_start; print(*{*sys.modules} - before)"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout.split() == ["paigeant_start"]


def test_a_worker_outlives_its_reader_and_stops_gracefully_when_its_terminal_closes(project: Any, until: Any):
    project.write("handlers.py", PRINTING)
    worker = project.worker()
    worker.stdout.close()
    worker.stdout = None  # nobody reads it to the end

    ended = project.paigeant("dispatch", "saying", "--set", "times=200", "--wait", "--timeout", "20")
    worker.send_signal(signal.SIGHUP)

    assert (ended.returncode, ended.stdout) == (0, "said\n"), ended.stderr
    assert worker.wait(20) == 129
    assert "worker stopped" in project.said(worker)
    assert "Traceback" not in project.said(worker)


def test_a_worker_ends_with_the_reloading_process_that_is_killed(project: Any, until: Any):
    project.worker("handlers.py", "--reload")
    [parent] = project.started
    children = f"/proc/{parent.pid}/task/{parent.pid}/children"
    child = int(Path(children).read_text().split()[0])

    parent.kill()
    parent.wait()

    until(lambda: "worker stopped" in project.said(parent))
    until(lambda: not is_alive(child))


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("command", ["runs", "--help"])
def test_a_reader_that_went_away_is_no_error(project: Any, command: str):
    project.paigeant("dispatch", "hello", "input.json")
    script = f"{sys.executable} -m paigeant {command} | true; echo ${{PIPESTATUS[0]}}"

    ended = subprocess.run(
        ["bash", "-c", script], cwd=project.folder, env=project.environment, capture_output=True, text=True, check=False
    )

    assert (ended.stdout, ended.stderr) == ("0\n", "")
