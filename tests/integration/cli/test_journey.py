"""From a file to a result, in two processes that know only the store: whichever of them starts first or is killed."""

from __future__ import annotations

import signal
from typing import Any
from uuid import UUID

import pytest


def test_a_worker_runs_what_is_dispatched(project: Any):
    project.worker()

    ended = project.paigeant("dispatch", "hello", "input.json", "--wait", "--json", "--timeout", "20")

    assert ended.returncode == 0, ended.stderr
    [line] = ended.stdout.splitlines()
    run = project.json("show", project.json("runs")["runs"][0]["workflow_id"])
    assert run["output"] == {"text": "HELLO ADA!"}
    assert line == project.paigeant("show", run["workflow_id"], "--json").stdout.strip()
    assert [(step["position"], step["step"], step["status"]) for step in run["steps"]] == [
        (1, "greet", "completed"),
        (2, "shout", "completed"),
    ]


def test_the_output_is_on_stdout_and_progress_on_stderr(project: Any):
    project.worker()

    ended = project.paigeant("dispatch", "hello", "input.json", "--wait", "--timeout", "20")

    assert ended.returncode == 0
    assert ended.stdout == '{\n  "text": "HELLO ADA!"\n}\n'
    assert "2. shout: completed" in ended.stderr


def test_without_wait_the_id_is_all_there_is_on_stdout(project: Any):
    project.worker()

    ended = project.paigeant("dispatch", "hello", "-", stdin='{"name": "Bob"}')

    assert (ended.returncode, ended.stderr) == (0, "")
    assert project.json("show", str(UUID(ended.stdout.strip())))["input"] == {"name": "Bob"}
    assert project.json("dispatch", "hello", "input.json")["status"] in {"pending", "running", "completed"}


def test_a_worker_may_start_after_the_dispatch_and_its_absence_is_said(project: Any, until: Any):
    waiting = project.start("dispatch", "hello", "input.json", "--wait", "--json", "--timeout", "30")
    until(lambda: "nobody serves step 'greet'" in project.said(waiting))

    project.worker()

    assert waiting.wait(30) == 0
    assert '"status":"completed"' in waiting.stdout.read()


def test_waiting_ends_in_time_and_the_run_goes_on(project: Any):
    ended = project.paigeant("dispatch", "hello", "input.json", "--wait", "--timeout", "0.5")

    assert ended.returncode == 3
    assert "is pending and was not final after 0.5 s; it goes on" in ended.stderr
    assert project.json("runs")["runs"][0]["status"] == "pending"


def test_ctrl_c_ends_the_waiting_and_not_the_run(project: Any, until: Any):
    waiting = project.start("dispatch", "hello", "input.json", "--wait")
    until(lambda: "1. greet: pending" in project.said(waiting))

    waiting.send_signal(signal.SIGINT)

    assert waiting.wait(10) == 130
    assert "the run goes on: paigeant show" in project.said(waiting)
    assert "Traceback" not in project.said(waiting)
    assert project.json("runs")["runs"][0]["status"] == "pending"


def test_a_worker_killed_in_a_step_is_replaced_by_the_next(project: Any, until: Any):
    gate = project.folder / "gate.open"
    project.write("block.json", {"until": str(gate)})
    killed = project.worker()
    waiting = project.start("dispatch", "blocking", "block.json", "--wait", "--json", "--timeout", "30")
    until(gate.with_suffix(".begun").exists)

    killed.kill()
    killed.wait()
    gate.touch()
    project.worker()

    assert waiting.wait(30) == 0
    assert '"output":"unblocked"' in waiting.stdout.read()


def test_two_workers_share_the_work(project: Any):
    project.worker()
    project.worker()
    project.write("many.jsonl", "".join(f'{{"name": "n{number}"}}\n\n' for number in range(20)))

    ended = project.paigeant("dispatch", "hello", "many.jsonl", "--each", "--wait", "--timeout", "25")

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count(" completed\n") == 20
    assert len(project.json("runs", "--status", "completed")["runs"]) == 20


def test_the_same_key_gives_the_same_run_and_another_input_is_refused(project: Any):
    first = project.json("dispatch", "hello", "input.json", "--dispatch-key", "k")
    second = project.json("dispatch", "hello", "input.json", "--dispatch-key", "k")
    project.write("input.json", {"name": "Eve"})
    third = project.paigeant("dispatch", "hello", "input.json", "--dispatch-key", "k")

    assert first["workflow_id"] == second["workflow_id"]
    assert third.returncode == 2
    assert third.stderr.startswith("error: ")


def test_a_run_that_fails_exits_1_and_shows_the_line_of_the_users_file(project: Any):
    project.worker()

    ended = project.paigeant("dispatch", "failing", "input.json", "--wait", "--timeout", "20")
    shown = project.paigeant("show", project.json("runs", "--workflow", "failing")["runs"][0]["workflow_id"])

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "failed at step 'fail' (position 1): " in ended.stderr
    assert "this never works" in ended.stderr
    assert "handlers.py:" in shown.stdout
    assert 'raise Terminal("this never works")' in shown.stdout


def test_a_failed_run_is_retried_from_its_step(project: Any, until: Any):
    project.worker()
    project.write("pass.json", {"passes": str(project.folder / "pass")})
    failed = project.json("dispatch", "flaky", "pass.json", "--wait", "--timeout", "20")
    project.write("pass", "")

    ended = project.paigeant("retry", failed["workflow_id"])

    assert (failed["status"], len(failed["steps"][0]["errors"])) == ("failed", 2)
    assert (ended.returncode, "again" in ended.stderr) == (0, True)
    until(lambda: project.json("show", failed["workflow_id"])["output"] == "passed")
    assert project.paigeant("retry", failed["workflow_id"]).returncode == 2


@pytest.mark.parametrize(("command", "status"), [("cancel", "cancelled"), ("terminate", "terminated")])
def test_a_run_is_ended(project: Any, command: str, status: str):
    run = project.json("dispatch", "hello", "input.json")["workflow_id"]

    ended = project.paigeant(command, run)

    assert (ended.returncode, ended.stderr) == (0, f"run {run}: it is {status}\n")
    assert project.json(command, run) == {"workflow_id": run, "status": status}
    assert project.json("show", run)["status"] == status


def test_variables_are_read_and_set(project: Any):
    run = project.json("dispatch", "hello", "input.json")["workflow_id"]
    large = "x" * 10_000

    assert project.paigeant("variables", run, "limit", "[1, 2]").returncode == 0
    assert project.paigeant("variables", run, "note", "plain text").returncode == 0
    assert project.paigeant("variables", run, "large", large).returncode == 0

    assert project.json("variables", run) == {"limit": [1, 2], "note": "plain text", "large": large}
    assert project.json("variables", run, "limit") == [1, 2]
    assert project.paigeant("variables", run, "note").stdout == "plain text\n"
    missing = project.paigeant("variables", run, "limt")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "has no variable 'limt'; there are: large, limit, note" in missing.stderr


def test_runs_are_listed_newest_first_and_in_pages(project: Any):
    runs = [project.json("dispatch", "hello", "input.json")["workflow_id"] for _ in range(3)]

    first = project.json("runs", "--limit", "2")
    second = project.json("runs", "--limit", "2", "--after", first["next"])

    assert [run["workflow_id"] for run in first["runs"] + second["runs"]] == runs[::-1]
    assert second["next"] is None
    assert all(run in project.paigeant("runs").stdout for run in runs)
    assert "no such runs in sqlite:///" in project.paigeant("runs", "--workflow", "other").stderr


def test_a_value_cannot_steer_the_terminal(project: Any):
    project.worker()
    project.write("input.json", {"name": "\x1b]0;owned\x07[bold]\u202edrow"})
    run = project.json("dispatch", "hello", "input.json", "--wait", "--timeout", "20")

    shown = project.paigeant("show", run["workflow_id"]).stdout

    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]" in shown
