"""One verb for many runs: with a look first, and what was refused beside what was done."""

from __future__ import annotations

import json
from typing import Any

HANDLERS = """
from pathlib import Path
from paigeant import RetryPolicy, Wait, Workflow, activity


@activity.execute(retry=RetryPolicy(max_attempts=1))
def fails() -> str:
    if not Path("repaired").exists():
        raise TimeoutError("too late")
    return "at last"


failing = Workflow("failing", ["fails"])
waiting = Workflow("waiting", [Wait("paid")])
"""


def test_all_that_failed_with_an_error_are_sent_on_and_others_are_not(project: Any):
    project.write("handlers.py", HANDLERS)
    for workflow in ("failing", "failing", "failing", "waiting"):
        project.paigeant("dispatch", workflow, "{}", "--handlers", "handlers.py")
    assert project.start("run", "handlers.py", "--drain", "--idle", "0.3").wait(30) == 0
    where = ("--where", "status=failed", "--where", "error=TimeoutError")

    looked = project.paigeant("retry", *where, "--dry-run", "--json").stdout
    unasked = project.paigeant("retry", *where)
    done = project.paigeant("retry", *where, "--yes", "--json").stdout
    ended = project.paigeant("cancel", "--where", "status=waiting", "--yes", "--json").stdout

    assert json.loads(looked)["matched"] == 3
    assert (unasked.returncode, "would retry 3 runs, and nobody can be asked" in unasked.stderr) == (2, True)
    assert json.loads(done) == {"matched": 3, "done": 3, "refused": []}
    assert json.loads(ended) == {"matched": 1, "done": 1, "refused": []}
    runs = json.loads(project.paigeant("runs", "--json").stdout)["runs"]
    assert sorted(run["status"] for run in runs if run["workflow"] == "failing") == ["running"] * 3


def test_a_wrong_filter_names_what_there_is(project: Any):
    wrong = project.paigeant("retry", "--where", "staus=failed")
    both = project.paigeant("retry", "--last", "--where", "status=failed")

    assert (wrong.returncode, "did you mean 'status'?" in wrong.stderr) == (2, True)
    assert (both.returncode, "it takes no ID" in both.stderr) == (2, True)


def test_top_shows_what_needs_a_person_and_the_queues(project: Any):
    project.write("handlers.py", HANDLERS)
    project.paigeant("dispatch", "failing", "{}", "--handlers", "handlers.py")
    assert project.start("run", "handlers.py", "--drain", "--idle", "0.3").wait(30) == 0

    seen = json.loads(project.paigeant("top", "--json").stdout)
    shown = project.paigeant("top", "--once").stdout

    assert [(group["cause"], group["step"], group["error"]) for group in seen["attention"]] == [
        ("failed", "fails", "TimeoutError")
    ]
    assert [queue["activity"] for queue in seen["queues"]] == ["fails", "paigeant.flow"]
    assert "TimeoutError" in shown
    assert "needs a person" in shown
