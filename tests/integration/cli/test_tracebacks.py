"""What failed is shown with its whole traceback where that is asked for, and in the JSON."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

HANDLERS = """
from paigeant import ActivityRegistry, Workflow, RetryPolicy

activity = ActivityRegistry()


def helper(n):
    raise ValueError("no such luck") from KeyError(n)


@activity.execute(retry=RetryPolicy(max_attempts=1))
def fails(n: int) -> int:
    return helper(n)


w = Workflow("w", [fails])

if __name__ == "__main__":
    print(w.run_sync({"n": 1}, check=False).workflow_id)
"""


def test_a_traceback_is_shown_when_it_is_asked_for(project: Any):
    project.write("handlers.py", HANDLERS)
    command = [sys.executable, "handlers.py"]
    done = subprocess.run(
        command, cwd=project.folder, env=project.environment, capture_output=True, text=True, check=True
    )
    run = done.stdout.strip()

    plain = project.paigeant("show", run).stdout
    whole = project.paigeant("show", run, "--traceback").stdout
    [error] = project.json("show", run)["steps"][0]["errors"]

    assert "Traceback" not in plain
    assert "in helper" in whole
    assert "KeyError: 1" in whole
    assert error["traceback"].endswith("ValueError: no such luck")
    assert (error["number"], error["type"]) == (1, "ValueError")
