"""A worker shows its metrics on a port, drains, and runs in several processes, as an operator has it."""

from __future__ import annotations

import json
import re
import signal
import socket
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

QUICK = """
import os, signal, time
from paigeant import Workflow, activity


@activity.execute()
def greet(name: str) -> str:
    return f"Hello {name}"


@activity.execute()
async def hang(seconds: float) -> None:
    time.sleep(seconds)


@activity.execute()
def whoami() -> int:
    return os.getpid()


hello = Workflow("hello", ["greet"])
hanging = Workflow("hanging", ["hang"])
which = Workflow("which", ["whoami"])
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def fetch(port: int, path: str) -> tuple[int, str]:
    """Return the status and the text of a page; 0 if nobody listens."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except URLError:
        return 0, ""


def test_metrics_and_probes_are_served_even_while_the_event_loop_hangs(project: Any, until: Any):
    project.write("handlers.py", QUICK)
    port = free_port()
    worker = project.start("run", "handlers.py", "--metrics-port", str(port), PAIGEANT_STALL_TIMEOUT="1")
    until(lambda: fetch(port, "/ready")[0] == 200)
    project.paigeant("dispatch", "hello", '{"name": "Joe"}', "--wait")
    until(lambda: 'paigeant_slots{state="free"} 32' in fetch(port, "/metrics")[1])

    status, text = fetch(port, "/metrics")
    queues = json.loads(fetch(port, "/queues")[1])["queues"]

    assert status == 200
    assert 'paigeant_steps_total{activity="greet",direction="execute",status="completed"} 1' in text
    assert re.search(r'^paigeant_queue_depth\{activity="greet"\} 0$', text, re.MULTILINE)
    assert 'paigeant_slots{state="free"} 32' in text
    assert [queue["activity"] for queue in queues] == ["greet", "hang", "paigeant.flow", "whoami"]
    assert queues[0] | {"wanted": 0, "due": 0, "slots": 32, "workers": 1} == queues[0]
    assert fetch(port, "/health") == (200, "ok\n")
    assert fetch(port, "/nothing")[0] == 404

    project.paigeant("dispatch", "hanging", '{"seconds": 6}')
    until(lambda: fetch(port, "/health")[0] == 503)
    assert "hung for" in fetch(port, "/health")[1]
    assert fetch(port, "/metrics")[0] == 200
    worker.send_signal(signal.SIGKILL)


def test_a_taken_port_is_one_clear_line(project: Any):
    project.write("handlers.py", QUICK)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = project.paigeant("run", "handlers.py", "--metrics-port", str(taken.getsockname()[1]))

    assert ended.returncode == 2
    assert "Address already in use; choose another port" in ended.stderr.splitlines()[-1]


def test_draining_ends_once_nothing_is_due(project: Any):
    project.write("handlers.py", QUICK)
    for _ in range(5):
        project.paigeant("dispatch", "hello", '{"name": "Joe"}', "--handlers", "handlers.py")

    drained = project.start("run", "handlers.py", "--drain", "--idle", "0.3")

    assert drained.wait(20) == 0
    assert {run["status"] for run in json.loads(project.paigeant("runs", "--json").stdout)["runs"]} == {"completed"}


@pytest.mark.slow
def test_processes_are_watched_replaced_and_shown_as_one(project: Any, until: Any):
    project.write("handlers.py", QUICK)
    port = free_port()
    supervisor = project.start("run", "handlers.py", "--processes", "2", "--metrics-port", str(port))
    until(lambda: fetch(port, "/ready")[0] == 200)

    def workers() -> set[int]:
        return {worker["pid"] for worker in json.loads(project.paigeant("workers", "--json").stdout)["workers"]}

    until(lambda: len(workers()) == 2)
    before = workers()
    text = fetch(port, "/metrics")[1]
    assert {f'process="{number}"' for number in (0, 1)} <= set(re.findall(r'process="\d+"', text))

    supervisor.send_signal(signal.SIGHUP)
    until(lambda: len(workers()) == 2 and not workers() & before)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(30) == 0
    assert workers() == set()


def test_workers_that_cannot_start_end_the_supervisor_with_their_code(project: Any):
    ended = project.start("run", "missing.py", "--processes", "2")

    assert ended.wait(30) == 2
    assert "missing.py: no such file" in project.said(ended)
