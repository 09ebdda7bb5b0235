"""A step that was begun with one version of pydantic-ai is finished with another, and nothing is paid twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NEWEST = "newest"
OLDER = sorted(path.parent.name for path in (ROOT / ".venv" / "agents").glob("*/.stamp"))
"""What ``make agents-versions`` has put there."""


def run(part: str, version: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if version != NEWEST:
        environment["PYTHONPATH"] = str(ROOT / ".venv" / "agents" / version)
    command = [sys.executable, Path(__file__).with_name("half_done.py"), f"sqlite:///{folder}/runs.db", part]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.skipif(not OLDER, reason="no older version is here: make agents-versions")
@pytest.mark.parametrize(("first", "second"), [*permutations([*OLDER, NEWEST], 2)])
def test_what_one_version_has_begun_another_finishes(first: str, second: str, tmp_path: Path):
    begun = run("begin", first, tmp_path)
    assert begun.returncode == 9, begun.stderr

    ended = run("finish", second, tmp_path)

    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert second == NEWEST or said["version"].startswith(f"{second}.")
    assert (said["output"], said["error"], said["charged"]) == ("done", None, 5)
    assert said["calls"] == sorted(
        ["request 0", "look a", "look bad", "request 1", "look b", "helper", "request 2", "last", "request 3"]
    )
