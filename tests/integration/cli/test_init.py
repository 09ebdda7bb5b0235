"""``paigeant init`` makes a project that runs at once, and overwrites nothing."""

from __future__ import annotations

import json
from typing import Any

FILES = [".gitignore", "handlers.py", "input.json", "paigeant.schema.json", "paigeant.yaml"]


def test_it_makes_the_files_and_says_what_to_do_next(empty: Any):
    ended = empty.paigeant("init", "x")

    assert ended.returncode == 0
    assert sorted(file.name for file in (empty.folder / "x").iterdir()) == FILES
    assert "cd x\n  paigeant run handlers.py" in ended.stdout
    assert "paigeant dispatch hello input.json --wait" in ended.stdout


def test_editors_are_pointed_to_the_schema_that_the_program_prints(empty: Any):
    empty.paigeant("init")

    said = (empty.folder / "paigeant.yaml").read_text("utf-8").splitlines()[0]

    assert said == "# yaml-language-server: $schema=paigeant.schema.json"
    assert json.loads((empty.folder / "paigeant.schema.json").read_text("utf-8")) == json.loads(
        empty.paigeant("schema").stdout
    )


def test_what_was_there_is_kept_and_said_so(empty: Any):
    empty.write("handlers.py", "mine = True\n")

    ended = empty.paigeant("init")

    assert ended.returncode == 0
    assert (empty.folder / "handlers.py").read_text("utf-8") == "mine = True\n"
    assert "kept handlers.py, it was there already" in ended.stdout
    assert "made input.json" in ended.stdout


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(empty: Any):
    ended = empty.paigeant("init", "/proc/paigeant")

    assert ended.returncode == 2
    assert ended.stderr.startswith("error: /proc/paigeant")
    assert "cannot be written" in ended.stderr


def test_a_file_in_the_way_is_an_error_that_names_it(empty: Any):
    empty.write("x", "")

    ended = empty.paigeant("init", "x")

    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "x: cannot be written" in ended.stderr


def test_the_project_runs_as_it_was_made(empty: Any):
    empty.paigeant("init")
    empty.worker("handlers.py")

    run = empty.json("dispatch", "hello", "input.json", "--wait", "--timeout", "30")

    assert run["status"] == "completed"
    assert [step["step"] for step in run["steps"]] == ["greeter", "sign"]
    assert run["output"] == {"to": "Ada", "text": "[canned answer to: Greet Ada in one sentence.]\n-- sent by paigeant"}


def test_what_its_settings_show_as_comments_is_right_once_it_is_uncommented(empty: Any):
    empty.paigeant("init")
    file = empty.folder / "paigeant.yaml"
    lines = file.read_text("utf-8").splitlines()
    shown = lines.index("# workflows:")
    file.write_text("\n".join([*lines[:shown], *(line.removeprefix("# ") for line in lines[shown:] if line != "#")]))

    checked = empty.paigeant("check", "--json")

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(checked.stdout) == {"workflows": ["greetings", "hello"], "flaws": []}
