"""Each way in which input, handlers or the store can be wrong is one clear error."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from typing import Any

import pytest

CASES: dict[str, tuple[str | bytes, str]] = {
    "not JSON": ('{"name": ', "input.json: not JSON: EOF while parsing a value at line 1 column"),
    "a trailing comma": ('{\n  "name": "Ada",\n}', "at line 3 column 1"),
    "empty": ("", "input.json: is empty; it should hold JSON"),
    "not UTF-8": (b'{"name": "\xe9"}', "input.json: not UTF-8: byte 0xe9 at position 10; save it as UTF-8"),
    "NaN": ('{"name": NaN}', "input.json: not JSON: expected value at line 1 column 10"),
    "a number too large": ('{"name": [1, {"n": 1e999}]}', "input.json: not JSON: a number is too large for a float"),
    "too deep": ("[" * 100 + "]" * 100, "input.json: nests 100 levels deep; at most 32 are allowed"),
    "extremely deep": ("[" * 200_000, "nests 200000 levels deep"),
    "a wrong type": ('{"name": "Ada", "times": "often"}', "times"),
    "a missing argument": ('{"nam": "Ada"}', "name"),
    "no object": ("[1]", "name"),
}


def refused(ended: Any, said: str, code: int = 2) -> None:
    assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
    assert ended.stderr.startswith("error: ")
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) <= 2
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("case", CASES)
def test_input_that_is_wrong_is_refused_at_once(project: Any, case: str):
    content, said = CASES[case]
    project.write("input.json", content)

    refused(project.paigeant("dispatch", "hello", "input.json"), said)
    assert project.json("runs")["runs"] == []


def test_a_missing_file(project: Any):
    refused(project.paigeant("dispatch", "hello", "inptu.json"), "inptu.json: no such file")


def test_a_folder(project: Any):
    refused(project.paigeant("dispatch", "hello", "."), ".: is a folder")


@pytest.mark.parametrize("each", [[], ["--each"]])
def test_50_megabytes(project: Any, each: list[str]):
    with (project.folder / "input.json").open("wb") as file:
        file.truncate(50 * 1024 * 1024)

    refused(project.paigeant("dispatch", "hello", "input.json", *each), "at most 16,777,216 are allowed")


def test_a_bad_line_among_many_is_named_and_nothing_is_dispatched(project: Any):
    project.write("many.jsonl", '{"name": "a"}\n{"name": \n')

    refused(project.paigeant("dispatch", "hello", "many.jsonl", "--each"), "many.jsonl, line 2: not JSON")
    assert project.json("runs")["runs"] == []


def test_no_line_at_all(project: Any):
    project.write("many.jsonl", "\n\n")

    refused(project.paigeant("dispatch", "hello", "many.jsonl", "--each"), "many.jsonl: holds no line of JSON")


def test_a_line_that_the_workflow_does_not_take_is_named_and_none_is_dispatched(project: Any):
    project.write("many.jsonl", '{"name": "Ada"}\n\n{"nam": "Bo"}\n')

    ended = project.paigeant("dispatch", "hello", "many.jsonl", "--each")

    refused(ended, "many.jsonl, line 3: step")
    assert "argument 'name' is missing" in ended.stderr
    assert "nothing was dispatched" in ended.stderr
    assert project.json("runs")["runs"] == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--dispatch-key", ""], "the dispatch key '' is no label"),
        (["--dispatch-key", "k" * 5000], "use 1 to 255 characters"),
        (["--deadline", "9999d"], "at most 3660 days"),
        (["--deadline", "nan"], "--deadline"),
        (["--wait", "--timeout", "nan"], "--timeout"),
    ],
)
def test_an_option_out_of_bounds(project: Any, option: list[str], said: str):
    refused(project.paigeant("dispatch", "hello", "input.json", *option), said)


def test_a_byte_order_mark_is_no_mistake(project: Any):
    project.write("input.json", b'\xef\xbb\xbf{"name": "Ada"}')

    assert project.paigeant("dispatch", "hello", "input.json").returncode == 0


def test_an_unknown_workflow(project: Any):
    refused(project.paigeant("dispatch", "helo", "input.json"), "did you mean 'hello'?")


def test_an_unknown_step(project: Any):
    project.write("paigeant.yaml", "workflows: {odd: [nowhere]}\nhandlers: handlers.py\n")

    refused(project.paigeant("dispatch", "odd", "input.json"), "'nowhere'")


def test_an_unknown_activity_to_serve(project: Any):
    refused(project.paigeant("run", "--activity", "greeet"), "'greeet'")


@pytest.mark.parametrize("command", ["show", "cancel", "terminate", "retry", "variables"])
@pytest.mark.parametrize("run", ["nonsense", "01890a5d-ac96-774b-bcce-b302099a8057"])
def test_an_unknown_run(project: Any, command: str, run: str):
    refused(project.paigeant(command, run), run)

    failed = project.paigeant(command, run, "--json")
    assert (failed.returncode, json.loads(failed.stdout)["error"]["type"]) == (2, "UnknownRun")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("import os\n\nboom = {}['key']\n", "handlers.py:3: KeyError at import: 'key'"),
        ("x = 1\n", "handlers.py: no activities, nothing to serve; decorate a function"),
    ],
)
def test_handlers_that_are_wrong(project: Any, content: str, said: str):
    project.write("handlers.py", content)

    refused(project.paigeant("run", "handlers.py"), said)


def test_handlers_that_are_not_there(project: Any):
    refused(project.paigeant("run", "handler.py"), "handler.py: no such file; did you mean handlers.py?")


def test_a_wrong_setting(project: Any):
    project.write("paigeant.yaml", "concurency: 3\n")

    refused(project.paigeant("runs"), "unknown key 'concurency'; did you mean 'concurrency'?")


def test_a_folder_that_cannot_be_written(project: Any):
    ended = project.paigeant("dispatch", "hello", "input.json", PAIGEANT_STORE="sqlite:////proc/paigeant/x.db")

    assert ended.returncode in {2, 4}
    refused(ended, "/proc/paigeant", ended.returncode)


def test_a_database_from_a_newer_version(project: Any):
    project.paigeant("dispatch", "hello", "input.json")
    with sqlite3.connect(project.folder / ".paigeant" / "paigeant.db") as connection:
        connection.execute("UPDATE paigeant_version SET version_num = '9999_from_the_future'")
    connection.close()

    refused(project.paigeant("runs"), "newer")
    refused(project.paigeant("db", "check"), "newer")


def test_a_file_that_is_no_database(project: Any):
    project.write(".paigeant/paigeant.db", "this is no database, it is a letter to my aunt" * 100)

    ended = project.paigeant("runs")

    assert ended.returncode in {2, 4}
    refused(ended, "paigeant.db", ended.returncode)


def test_input_may_come_through_a_pipe_that_has_a_name(project: Any):
    os.mkfifo(project.folder / "pipe")
    writer = threading.Thread(target=(project.folder / "pipe").write_text, args=('{"name": "Ada"}',), daemon=True)
    writer.start()

    ended = project.paigeant("dispatch", "hello", "pipe", "--handlers", "handlers.py", "--json")

    writer.join()
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("handlers", ["handlers: handlers.py\n", None])
def test_an_input_that_cannot_bind_is_refused_where_the_handlers_are_at_hand(project: Any, handlers: str | None):
    options = [] if handlers else ["--handlers", "handlers.py"]
    if handlers is None:
        project.write("paigeant.yaml", "{}\n")
    worker = project.worker()  # which publishes the workflow, so that the store knows it too

    refused(project.paigeant("dispatch", "hello", '{"nam": "Ada"}', *options), "name")
    refused(project.paigeant("dispatch", "hello", '{"name": [5]}', *options), "name")

    assert worker.poll() is None
    assert project.json("runs")["runs"] == []
