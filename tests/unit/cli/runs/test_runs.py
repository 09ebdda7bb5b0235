"""Runs are read at any width, found by the beginning of their ids, and dispatched from what is typed."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from paigeant import ActivityRegistry, Paigeant, Terminal, Workflow
from paigeant.config import Settings

HANDLERS = """
from paigeant import ActivityRegistry, Terminal, Workflow

activity = ActivityRegistry()


@activity.execute()
def greet(name: str, times: int = 1) -> str:
    return f"Hello {name}" * times


@activity.execute()
def charge() -> None:
    raise Terminal("the card ending in 4711 was declined by the bank, which says that it expired in June")


@activity.execute()
def report() -> str:
    return "x" * 500


hello, paying = Workflow("hello", [greet]), Workflow("support-desk-payments", [report, charge, greet])
"""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def project(paigeant: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Any]]:
    (tmp_path / "runs_of_a_shop.py").write_text(HANDLERS)
    (tmp_path / "paigeant.yaml").write_text("handlers: runs_of_a_shop.py\n")
    yield paigeant
    sys.modules.pop("runs_of_a_shop", None)
    sys.path[:] = [folder for folder in sys.path if folder != str(tmp_path)]


@pytest.fixture
def failed(paigeant: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """A store with a run that failed at the second of its three steps."""
    registry = ActivityRegistry()

    @registry.execute()
    def report() -> str:
        return "x" * 500

    @registry.execute()
    def charge() -> None:
        raise Terminal("the card ending in 4711 was declined by the bank, which says that it expired in June")

    @registry.execute()
    def receipt() -> None: ...

    flow = Workflow("support-desk-payments", [report, charge, receipt])

    async def play() -> None:
        settings = Settings(store=f"sqlite:///{tmp_path}/.paigeant/paigeant.db")
        async with Paigeant(workflows=[flow], settings=settings) as app, app.worker():
            await (await app.dispatch(flow, {})).result(timedelta(seconds=30))

    asyncio.run(play())
    return paigeant


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("command", ["runs", "show --last"])
def test_at_each_width_no_word_is_broken_and_the_id_is_whole(
    failed: Any, monkeypatch: pytest.MonkeyPatch, width: int, command: str
):
    monkeypatch.setenv("COLUMNS", "1000")
    words = {word for line in failed(*command.split()).stdout.split("input:")[0].splitlines() for word in line.split()}
    monkeypatch.setenv("COLUMNS", str(width))
    shown = failed(*command.split()).stdout.split("input:")[0]

    lines = [line for line in shown.splitlines() if "raise Terminal" not in line and ".py:" not in line]
    assert max(map(len, lines)) <= width
    assert UUID.search(shown)
    seen = {word.removesuffix("…") for line in lines for word in line.split()}
    assert {word for word in seen if not word.startswith('"xx')} <= words | {"", "error:"}
    assert "failed" in shown
    assert "card" in shown


def test_with_room_for_all_a_run_is_one_line(failed: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "200")
    heading, line = failed("runs").stdout.splitlines()

    assert heading.split() == ["workflow_id", "status", "workflow", "created", "error"]
    assert "charge: Terminal: the card ending in 4711 was declined by the bank" in line


def test_show_says_how_far_it_came_and_what_was_not_reached(failed: Any):
    shown = failed("show", "--last").stdout
    view = failed("show", "--last", "--json").json

    assert " failed, step 2 of 3\n" in shown
    assert re.search(r"^ +receipt +not reached$", shown, re.MULTILINE)
    assert '"xxx' in shown
    assert "x" * 210 not in shown
    assert (view["ahead"], len(view["steps"])) == (["receipt"], 2)


def test_show_says_what_is_ahead(project: Any):
    assert project("dispatch", "support-desk-payments").code == 0

    shown = project("show", "--last").stdout

    assert " pending, step 1 of 3\n" in shown
    assert re.findall(r"^(\d) +(\w+) +(\w+)$", shown, re.MULTILINE) == [
        ("1", "report", "pending"),
        ("2", "charge", "ahead"),
        ("3", "greet", "ahead"),
    ]


@pytest.mark.parametrize(
    ("words", "payload"),
    [
        (['{"name": "Ada"}'], {"name": "Ada"}),
        (["--set", "name=Ada", "--set", "times=2"], {"name": "Ada", "times": 2}),
        (['{"name": "Ada", "times": 1}', "--set", "times=3"], {"name": "Ada", "times": 3}),
        (["--set", 'name="5"'], {"name": "5"}),
        (["--set", "name=a=b"], {"name": "a=b"}),
        (["--set", "name=Ada", "--set", "times=-1"], {"name": "Ada", "times": -1}),
        (["input.json", "--set", "times=3"], {"name": "File", "times": 3}),
    ],
)
def test_the_input_may_be_typed(project: Any, tmp_path: Path, words: list[str], payload: Any):
    (tmp_path / "input.json").write_text('{"name": "File"}')

    ended = project("dispatch", "hello", *words)

    assert (ended.code, ended.stderr) == (0, "")
    assert project("show", ended.stdout.strip(), "--json").json["input"] == payload


def test_a_workflow_that_needs_no_input_is_dispatched_without_one(project: Any):
    assert project("dispatch", "support-desk-payments").code == 0
    assert "argument 'name' is missing" in project("dispatch", "hello").stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (['{"name": '], "the input: not JSON: EOF while parsing"),
        (["--set", "name"], "--set 'name': it takes a name and a value, as --set amount=12"),
        (["[1]", "--set", "name=x"], "the input is [1], and --set sets the fields of an object"),
        (["--each"], "it needs a JSON Lines file"),
        (["nput.json"], "nput.json: no such file"),
        (["-5"], "name"),
    ],
)
def test_input_that_is_typed_wrongly_is_one_line(project: Any, words: list[str], said: str):
    ended = project("dispatch", "hello", *words)

    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_run_is_named_by_the_beginning_of_its_id(project: Any):
    first = project("dispatch", "hello", "--set", "name=Ada").stdout.strip()
    second = project("dispatch", "hello", "--set", "name=Bob").stdout.strip()
    unique = next(n for n in range(1, 37) if not second.startswith(first[:n]))

    assert project("show", first[:unique], "--json").json["workflow_id"] == first
    assert project("show", first[:unique].upper().replace("-", ""), "--json").json["workflow_id"] == first
    assert project("variables", first[:unique], "n", "-5").code == 0
    assert project("variables", first, "n", "--json").json == -5
    assert project("cancel", first[:unique], "--json").json == {"workflow_id": first, "status": "cancelled"}
    assert project("show", "--last", "--json").json["workflow_id"] == second
    assert project("graph", "--last").stdout == project("graph", second).stdout != project("graph", first).stdout
    assert project("cost", "--last").stderr.startswith("nothing was spent")
    assert project("cost", "--last", second).code == 2
    assert project("cost", "--budgets").stderr.startswith("no budget was used")
    assert project("cost", "--budgets", "--json").json == {"budgets": []}

    several = project("terminate", first[:4])
    assert several.code == 2
    assert f"{first} (hello, cancelled), {second} (hello, pending)" in several.stderr
    assert project("show", second, "--json").json["status"] == "pending"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("show", "name the run: its id, its beginning, or --last"),
        ("show 01890a5d --last", "it names a run already"),
        ("show xyz", "no run 'xyz': a workflow_id looks like"),
        ("retry 01890a5d", "no run has an id that begins with '01890a5d'"),
        ("variables --last a b c", "it names a run already"),
    ],
)
def test_what_names_no_run_is_said(project: Any, words: str, said: str):
    ended = project(*words.split())

    assert ended.code == 2
    assert said in ended.stderr


def test_values_that_begin_with_a_dash_are_values_and_options_are_options(project: Any):
    project("dispatch", "hello", "--set", "name=Ada")

    assert project("variables", "--last", "n", "-1.5e3").code == 0
    assert project("variables", "--last", "n", "--json").json == -1500
    assert "no option --jsn; did you mean --json?" in project("variables", "--last", "n", "--jsn").stderr
    assert project("approvals", "answer", "1", "-5").stderr.startswith("error: no approval has the id 1")


def test_runs_of_late_only(project: Any):
    project("dispatch", "hello", "--set", "name=Ada")

    assert len(project("runs", "--since", "2h", "--json").json["runs"]) == 1
    assert project("runs", "--since", "0s", "--json").json["runs"] == []
    assert "is no span of time" in project("runs", "--since", "soon").stderr
