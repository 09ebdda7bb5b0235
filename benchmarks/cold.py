"""What starting costs: the import, the command line, a worker until its first step runs; all without pydantic-ai.

Each is a process of its own, started several times, one after the other; the median counts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

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
PATIENCE = 30.0


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
            "import paigeant": [sys.executable, "-c", "import paigeant"],
            "paigeant --version": [*CLI, "--version"],
            "paigeant runs": [*CLI, "runs"],
            "paigeant dispatch": dispatch,
        }
        found = {kind: median(_taken(command, folder) for _ in range(scale.starts)) for kind, command in kinds.items()}
        found["paigeant run, first step runs"] = median(_first_run(dispatch, folder) for _ in range(scale.starts))
    for kind, milliseconds in found.items():
        print(f"  {kind}: {milliseconds:.0f} ms", flush=True)
    return found


def _taken(command: Sequence[str], folder: Path) -> float:
    began = perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
    return 1000 * (perf_counter() - began)


def _first_run(dispatch: Sequence[str], folder: Path) -> float:
    """Dispatch a run, then start a worker; return how long it takes until the run's step says that it runs."""
    shutil.rmtree(folder / ".paigeant")
    subprocess.run(dispatch, cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
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
        taken = 1000 * (perf_counter() - began)
    finally:
        worker.terminate()
        worker.communicate(timeout=PATIENCE)
    if line == "True\n":
        raise RuntimeError("pydantic_ai was imported by a worker that has no agent")
    return taken
