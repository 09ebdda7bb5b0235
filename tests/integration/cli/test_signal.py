"""``paigeant signal`` tells one run, or each of a file, what it waits for, and says what became of it."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4


def test_a_signal_is_sent_once_and_its_payload_is_json_or_a_text(project: Any):
    run = project.json("dispatch", "hello", "input.json")["workflow_id"]

    sent = project.paigeant("signal", run, "approved", '{"by": "Ann"}', "--id", "mail-7")

    assert sent.returncode == 0
    assert sent.stderr.startswith(
        f"run {run}: approved is kept until the run waits for it\nno wait for approved is ahead"
    )
    again = project.json("signal", run, "approved", "a text", "--id", "mail-7")
    assert again == {"workflow_id": run, "name": "approved", "receipt": "repeated"}


def test_a_file_of_signals_is_sent_line_by_line(project: Any):
    run, unknown = project.json("dispatch", "hello", "input.json")["workflow_id"], str(uuid4())
    lines = [{"workflow_id": run, "name": "word", "payload": 1}, {"workflow_id": unknown, "name": "word"}]
    (project.folder / "signals.jsonl").write_text("\n".join(map(json.dumps, lines)))

    sent = project.paigeant("signal", "--each", "signals.jsonl")

    assert (sent.returncode, sent.stdout) == (1, f"{run} word kept\n{unknown} word unknown_run\n")


def test_what_cannot_be_sent_is_refused(project: Any):
    run = project.json("dispatch", "hello", "input.json")["workflow_id"]
    (project.folder / "wrong.jsonl").write_text('{"name": "word"}\n')
    for arguments, said in (
        ((run,), "say which signal"),
        ((run, "no name!"), "no name for a signal"),
        ((str(uuid4()), "word"), "no run has the id"),
        ((run, "--each", "wrong.jsonl"), "it takes no run"),
        (("--each", "wrong.jsonl"), "wrong.jsonl, line 1: "),
    ):
        refused = project.paigeant("signal", *arguments)
        assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr
    assert project.paigeant("terminate", run).returncode == 0
    assert "has ended" in project.paigeant("signal", run, "word").stderr
