"""A deploy never breaks a run in flight: its step waits for code that fits, says why, and goes on by itself."""

from __future__ import annotations

import signal
from typing import Any

import pytest

OLD = """
from paigeant import Workflow, activity

@activity.execute()
def charge(amount: int) -> str:
    return f"charged {amount}"

pay = Workflow("pay", ["charge"])
"""
NEW = OLD.replace("amount: int", "amount: int, currency: str")
WIDER = OLD.replace("amount: int", "amount: int | float")
FIXED = OLD.replace("amount: int", 'amount: int, currency: str = "EUR"')


@pytest.fixture
def held(empty: Any, until: Any):
    """Return a function that dispatches against the old code, deploys other code, and returns the run that waits."""

    def deploy(code: str) -> tuple[str, Any]:
        empty.write("handlers.py", OLD)
        run = empty.paigeant("dispatch", "pay", "-", "--handlers", "handlers.py", stdin='{"amount": 7}').stdout.strip()
        empty.write("handlers.py", code)
        worker = empty.worker()
        until(lambda: empty.json("show", run)["status"] != "running" and empty.json("show", run)["steps"][0]["reason"])
        return run, worker

    return deploy


def output(project: Any, until: Any, run: str) -> Any:
    until(lambda: project.json("show", run)["status"] == "completed")
    return project.json("show", run)["output"]


def test_a_step_whose_code_has_changed_waits_and_show_says_what_and_what_to_do(empty: Any, held: Any):
    run, _ = held(NEW)

    view = empty.json("show", run)
    shown = " ".join(empty.paigeant("show", run).stdout.split())

    assert (view["status"], view["reason"], view["steps"][0]["attempt"]) == ("waiting", "contract", 0)
    assert "argument 'currency' is new and has no default" in view["steps"][0]["reason"]
    assert "waiting (contract): 'charge' has changed since the run was dispatched: argument 'currency' is new" in shown
    assert f"`paigeant retry {run} --accept-contract`" in shown


def test_it_goes_on_by_itself_once_a_worker_has_the_code_that_it_was_dispatched_against(
    empty: Any, held: Any, until: Any
):
    run, _ = held(NEW)
    empty.write("handlers.py", OLD)
    empty.worker()

    assert output(empty, until, run) == "charged 7"
    assert empty.json("show", run)["steps"][0]["attempt"] == 1


def test_it_goes_on_by_itself_once_the_code_is_mended(empty: Any, held: Any, until: Any):
    run, worker = held(NEW)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    empty.write("handlers.py", FIXED)
    empty.worker()

    assert output(empty, until, run) == "charged 7"


def test_a_person_may_take_the_new_code_as_it_is(empty: Any, held: Any, until: Any):
    run, _ = held(WIDER)

    said = empty.paigeant("retry", run, "--accept-contract")

    assert said.returncode == 0, said.stderr
    assert output(empty, until, run) == "charged 7"
