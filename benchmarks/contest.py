"""Contestants in turn, each in a process of its own; medians, bests and ratios of what they answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from environments import python_of
from workload import Job

HERE = Path(__file__).parent
PATIENCE = 180.0

Result = dict[str, Any]


class Failed(Exception):
    """A contestant did not do its work."""


class Contestant(NamedTuple):
    """A script below this folder, and the environment that it needs, if it is not that of Paigeant."""

    name: str
    script: str
    environment: str | None = None
    patience: float = PATIENCE
    """Seconds after which no answer is waited for any more."""

    @property
    def python(self) -> str:
        """The Python that runs it. Raises Missing if its environment cannot be made."""
        return sys.executable if self.environment is None else str(python_of(self.environment))


USED = Contestant("paigeant run", "contestants/used.py")
OWN = Contestant("paigeant", "contestants/own.py")
ENGINE = Contestant("engine loop", "contestants/engine.py")
RAW = Contestant("raw loop", "contestants/raw.py")
CREW = Contestant("paigeant", "contestants/crew.py")
AGENTS = Contestant("paigeant", "contestants/agents.py")
FANS = Contestant("paigeant", "contestants/fans.py", patience=500)
WAITS = Contestant("paigeant", "contestants/waits.py", patience=900)
KILLS = Contestant("paigeant", "contestants/kills.py", patience=450)
SIZES = Contestant("paigeant", "contestants/sizes.py")


def ask(who: Contestant, job: Job, folder: Path) -> Result:
    """Run a contestant in an empty folder; returns its answer. Raises Failed."""
    command = [who.python, str(HERE / who.script), job.as_argument()]
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        out, err = process.communicate(timeout=who.patience)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise Failed(f"{who.name}: no answer within {who.patience:g} s; {err[-500:]}") from None
    except BaseException:
        process.kill()
        raise
    if process.returncode:
        raise Failed(f"{who.name}: {err[-1000:] or out[-1000:]}")
    result: Result = json.loads(out.splitlines()[-1])
    return result


def middle(results: Sequence[Result], key: str) -> float:
    """Return the median."""
    return median(result[key] for result in results)


def best(results: Sequence[Result], key: str = "steps_per_second") -> float:
    """Return the largest: noise only ever slows down."""
    return max(result[key] for result in results)
