"""``paigeant fork`` starts a run in the middle of another one, and ``paigeant graph`` draws what became of it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

HANDLERS = """
from paigeant import Terminal, Workflow, activity


@activity.execute()
def offer() -> int:
    return 200


@activity.execute()
def charge(previous: int) -> str:
    if previous > 100:
        raise Terminal("declined")
    return f"charged {previous}"


buying = Workflow("buying", ["offer", "charge"])
"""


def test_a_failed_run_is_forked_with_another_output_and_both_are_drawn(empty: Any):
    empty.write("handlers.py", HANDLERS)
    empty.write("offer.json", "50")
    empty.worker()
    empty.paigeant("dispatch", "buying", "-", "--wait", "--timeout", "20", stdin="{}")
    run = empty.json("runs")["runs"][0]["workflow_id"]

    forked = empty.paigeant("fork", run, "--set", "offer=offer.json", "--wait", "--timeout", "20")

    assert (forked.returncode, forked.stdout) == (0, "charged 50\n")
    [fork] = empty.json("runs", "--forks-of", run)["runs"]
    assert empty.json("show", fork["workflow_id"])["forked_from"] == {"workflow_id": run, "position": 2}
    drawn = empty.paigeant("graph", fork["workflow_id"])
    assert drawn.returncode == 0
    assert drawn.stdout.startswith("flowchart")
    assert "charge" in drawn.stdout
    assert "declined" not in drawn.stdout
    assert empty.paigeant("graph", "buying", "--handlers", "handlers.py").stdout.startswith("flowchart")


def test_without_wait_a_fork_prints_its_id_and_from_where_may_be_said(empty: Any):
    empty.write("handlers.py", HANDLERS)
    empty.worker()
    empty.paigeant("dispatch", "buying", "-", "--wait", "--timeout", "20", stdin="{}")
    run = empty.json("runs")["runs"][0]["workflow_id"]

    first = empty.paigeant("fork", "--last", "--from", "offer")
    second = empty.json("fork", run, "--from", "1")

    assert {first.stdout.strip(), second["workflow_id"]} == {
        each["workflow_id"] for each in empty.json("runs", "--forks-of", run)["runs"]
    }


def test_what_cannot_be_forked_or_drawn_says_why(empty: Any):
    empty.write("handlers.py", HANDLERS)
    empty.write("offer.json", "50")
    empty.worker()
    empty.paigeant("dispatch", "buying", "-", "--wait", "--timeout", "20", stdin="{}")
    run = empty.json("runs")["runs"][0]["workflow_id"]
    for words, said in (
        (("fork", run, "--from", "ofer"), "there is no step 'ofer'"),
        (("fork", run, "--set", "charge=offer.json"), "no step 'charge' is inherited"),
        (("fork", run, "--set", "offer"), "should be STEP=FILE"),
        (("fork", run, "--timeout", "3"), "it needs --wait"),
        (("fork", str(uuid4())), "no run has the id"),
        (("graph", "buyin"), "buyin"),
    ):
        refused = empty.paigeant(*words)
        assert refused.returncode != 0, words
        assert said in refused.stderr, refused.stderr
