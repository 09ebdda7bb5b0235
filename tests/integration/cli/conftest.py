"""A project in a folder of its own, and the program as a user runs it: workers, and what gets signals, as processes.

A command that ends by itself runs within this process, as it would in one of its own: a start costs a second.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from unittest.mock import patch

import pytest

from paigeant import activity
from paigeant.cli.program import run

PATIENCE = 60.0

HANDLERS = '''
"""Handlers without a model, so that a test starts fast."""

import time
from pathlib import Path

from paigeant import RetryPolicy, Terminal, Workflow, activity


@activity.execute()
def greet(name: str, times: int = 1) -> str:
    return f"Hello {name}" * times


@activity.execute()
def shout(greet: str) -> dict[str, str]:
    return {"text": greet.upper() + "!"}


@activity.execute()
def block(until: str) -> str:
    Path(until).with_suffix(".begun").touch()
    while not Path(until).exists():
        time.sleep(0.02)
    return "unblocked"


@activity.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
def flaky(passes: str) -> str:
    if not Path(passes).exists():
        raise OSError("no pass yet")
    return "passed"


@activity.execute()
def fail() -> None:
    raise Terminal("this never works")


hello = Workflow("hello", ["greet", "shout"])
blocking = Workflow("blocking", ["block"])
flaky_one = Workflow("flaky", ["flaky"])
failing = Workflow("failing", ["fail"])
'''


class Project:
    """A folder, and ``paigeant`` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []
        clean = {key: value for key, value in os.environ.items() if not key.upper().startswith("PAIGEANT_")}
        self.environment = clean | {"PAIGEANT_LEASE": "3", "PAIGEANT_GRACE": "5", "COLUMNS": "160"}

    def write(self, name: str, content: str | bytes | dict[str, Any]) -> Path:
        text = json.dumps(content) if isinstance(content, dict) else content
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def paigeant(self, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; a worker, which changes how its process logs, in a process of its own."""
        if words[:1] == ("run",):
            return self.process(*words, stdin=stdin, **environment)
        return run_within(self.folder, words, stdin, self.environment | environment)

    def process(self, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "paigeant", *words],
            cwd=self.folder,
            env=self.environment | environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def json(self, *words: str, **options: str) -> Any:
        """Run a command with ``--json`` and return what it printed."""
        return json.loads(self.paigeant(*words, "--json", **options).stdout)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command; it is killed at the end of the test, with what it started."""
        with self.write(f"stderr-{len(self.started)}", "").open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "paigeant", *words],
                cwd=self.folder,
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def said(self, process: subprocess.Popen[str]) -> str:
        """Return what a started command has written to stderr so far."""
        return (self.folder / f"stderr-{self.started.index(process)}").read_text("utf-8")

    def worker(self, *words: str) -> subprocess.Popen[str]:
        """Start a worker; it serves when this returns."""
        process = self.start("run", *(words or ("handlers.py",)))
        until(lambda: "worker started" in self.said(process) or process.poll() is not None)
        assert process.poll() is None, self.said(process)
        return process


def run_within(
    folder: Path, words: Sequence[str], stdin: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, and leave nothing of it behind: no module, no activity, no setting."""
    before, modules, path = Path.cwd(), set(sys.modules), list(sys.path)
    known = {name: dict(vars(activity)[name]) for name in ("_activities", "_compensations", "_interfaces")}
    written, said = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    read = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
    os.chdir(folder)
    try:
        with (
            patch.dict(os.environ, environment, clear=True),
            patch.multiple(sys, stdin=read, stdout=written, stderr=said, argv=["paigeant", *words]),
        ):
            code = run(words)
            written.flush()
            said.flush()
    finally:
        os.chdir(before)
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(f"{folder}{os.sep}"):
                del sys.modules[name]
        for name, held in known.items():
            vars(activity)[name].clear()
            vars(activity)[name].update(held)
    texts = (stream.buffer.getvalue().decode() for stream in (written, said))  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(list(words), code, *texts)


def until(condition: Callable[[], Any], within: float = PATIENCE) -> Any:
    """Return the first true answer."""
    end = monotonic() + within
    while not (answer := condition()):
        assert monotonic() < end, f"after {within:g} s the answer is still {answer!r}"
        sleep(0.02)
    return answer


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Project]:
    """A folder with nothing in it."""
    made = Project(tmp_path)
    yield made
    for process in made.started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def project(empty: Project) -> Project:
    """A folder with handlers and an input."""
    empty.write("handlers.py", HANDLERS)
    empty.write("paigeant.yaml", "handlers: handlers.py\n")
    empty.write("input.json", {"name": "Ada"})
    return empty


@pytest.fixture(name="until")
def until_() -> Callable[..., Any]:
    """Ask again until a deadline."""
    return until
