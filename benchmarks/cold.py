"""What starting costs: the import, the command line, a worker until its first step runs; all without pydantic-ai.

Each is a process of its own, started several times, one after the other; the median counts. All is compiled before, as
it is where a package is installed, though this shell may say that Python leaves no bytecode behind.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from meter import cpu
from places import Places
from scale import Scale

CLI = (sys.executable, "-m", "paigeant")
HANDLERS = """
import sys
from paigeant import Workflow, activity

@activity.execute()
async def first(text: str) -> str:
    print("pydantic_ai" in sys.modules, flush=True)
    return text

hello = Workflow("hello", ["first"])
"""
DECLARING = "from paigeant import Workflow, activity"
PATIENCE = 30.0
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def cold(places: Places, scale: Scale) -> dict[str, Any]:
    """Return milliseconds from the start of a process, on SQLite."""
    del places
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "handlers.py").write_text(HANDLERS, "utf-8")
        (folder / "input.json").write_text('{"text": "x"}', "utf-8")
        dispatch = [*CLI, "dispatch", "hello", "input.json", "--handlers", "handlers.py"]
        _taken(dispatch, folder)  # makes the file of the store
        kinds = {
            "python": [sys.executable, "-c", "pass"],
            DECLARING: [sys.executable, "-c", DECLARING],
            "paigeant --version": [*CLI, "--version"],
            "paigeant runs": [*CLI, "runs"],
            "paigeant dispatch": dispatch,
        }
        found = {kind: _middle(_taken, command, folder, scale) for kind, command in kinds.items()}
        found["paigeant run, first step runs"] = _middle(_first_run, dispatch, folder, scale)
    for kind, taken in found.items():
        print(f"  {kind}: {taken['ms']:.0f} ms, of them CPU {taken['cpu_ms']:.0f}", flush=True)
    return found


def _middle(
    once: Callable[[Sequence[str], Path], tuple[float, float]], command: Sequence[str], folder: Path, scale: Scale
) -> dict[str, float]:
    taken = [once(command, folder) for _ in range(scale.starts)]
    return {"ms": median(wall for wall, _ in taken), "cpu_ms": median(used for _, used in taken)}


def _taken(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """Return milliseconds, and those of CPU, until the command has ended."""
    began, before = perf_counter(), _used()
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, timeout=PATIENCE)
    return 1000 * (perf_counter() - began), 1000 * (_used() - before)


def _used() -> float:
    """Return the CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _first_run(dispatch: Sequence[str], folder: Path) -> tuple[float, float]:
    """Dispatch a run, then start a worker; return milliseconds, and those of CPU, until the run's step runs."""
    shutil.rmtree(folder / ".paigeant")
    subprocess.run(dispatch, cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, timeout=PATIENCE)
    environment = ENVIRONMENT | {"PYTHONUNBUFFERED": "1"}
    command = [*CLI, "run", "handlers.py"]
    began = perf_counter()
    worker = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert worker.stdout is not None
        for line in worker.stdout:
            if line in ("True\n", "False\n"):
                break
        else:
            raise RuntimeError("the worker ended before its first run was done")
        taken = 1000 * (perf_counter() - began), 1000 * cpu(worker.pid)
    finally:
        worker.terminate()
        worker.communicate(timeout=PATIENCE)
    if line == "True\n":
        raise RuntimeError("pydantic_ai was imported by a worker that has no agent")
    return taken
