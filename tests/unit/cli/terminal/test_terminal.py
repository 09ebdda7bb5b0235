"""On every terminal, narrow, without colour, in ASCII, what is written can be read, and completes what is typed."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from rich.console import Console
from rich.live import Live

from paigeant.cli.program import run
from paigeant.cli.terminal.listing import Column, listed, shortened
from paigeant.cli.terminal.progress import Table
from paigeant.cli.terminal.timeline import branches_line, timeline
from paigeant.model.outcomes import BranchCounts
from paigeant.model.runs import Direction, NodeView, RunStatus, RunView, StepStatus, StepView

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.fixture
def run_of_bees(paigeant: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    (tmp_path / "paigeant.yaml").write_text("workflows: {hello: [{activity: greet, elsewhere: true}]}\n")
    assert paigeant("dispatch", "hello", "--set", "name=Zoë 🐝").code == 0
    return paigeant


@pytest.mark.parametrize(
    ("environment", "terminal", "colored"),
    [
        ({}, False, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({}, True, True),
    ],
)
def test_colours_are_as_the_environment_says(
    run_of_bees: Any,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    *,
    terminal: bool,
    colored: bool,
):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)

    for command in ("runs", "show --last", "doctor", "config", "--help", "runs --help", "workflows"):
        ended = run_of_bees(*command.split())

        assert ended.code == 0
        if not colored:
            assert "\x1b" not in ended.stdout + ended.stderr
        elif "help" not in command:
            assert "\x1b[" in ended.stdout


@pytest.mark.parametrize("command", ["show --last", "show --last --json", "runs", "workflows", "variables --last"])
def test_what_an_encoding_lacks_is_escaped(run_of_bees: Any, monkeypatch: pytest.MonkeyPatch, command: str):
    assert run_of_bees("variables", "--last", "note", "Zoë 🐝").code == 0
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", errors="strict"))

    assert run(command.split()) == 0

    sys.stdout.flush()
    text = written.getvalue().decode("ascii")
    if "json" in command:
        assert json.loads(text)["input"] == {"name": "Zoë 🐝"}
    elif command.startswith(("show", "variables")):
        assert "Zo\\xeb \\U0001f41d" in text


@pytest.mark.parametrize(
    ("typed", "found"), [("paigeant wor", {"workflows", "workers"}), ("paigeant runs --si", {"--since"})]
)
def test_a_shell_completes_what_is_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, found: set[str]
):
    monkeypatch.setenv("_PAIGEANT_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))

    with pytest.raises(SystemExit):
        run([])

    assert set(capsys.readouterr().out.split()) == found


def test_help_says_how_completion_is_installed(paigeant: Any):
    assert "--install-completion" in paigeant("--help").stdout


COLUMNS = (Column("id"), Column("status"), Column("name", rank=1), Column("error", rank=2, least=12, below=True))
ROW = ("0123456789", "failed", "payments", "the bank does not answer")


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (80, ["id          status  name      error", "0123456789  failed  payments  the bank does not answer"]),
        (45, ["id          status  name      error", "0123456789  failed  payments  the bank does…"]),
        (30, ["id          status  name", "0123456789  failed  payments", "  error: the bank does not", "  answer"]),
        (24, ["id          status", "0123456789  failed", "  error: the bank does", "  not answer"]),
        (16, ["0123456789", "  failed", "  error: the", "  bank does not", "  answer"]),
    ],
)
def test_a_list_drops_what_does_not_fit_by_rank(width: int, lines: list[str]):
    assert [line.plain for line in listed(COLUMNS, [ROW], width)] == lines


def test_what_does_not_fit_in_three_lines_ends_in_one_ellipsis():
    full = "cccccccccc ddddddddddd"

    lines = listed(COLUMNS, [(*ROW[:3], f"aaaaaaa bbbbbbb {full} {full} {full}")], len(full) + 2)

    assert lines[-1].plain == "  cccccccccc…"


def test_columns_that_are_empty_and_wide_characters_are_reckoned_with():
    lines = listed(COLUMNS, [("蜂", "ok", "", ""), ("bee", "ok", "", "")], 80)

    assert [line.plain for line in lines] == ["id   status", "蜂   ok", "bee  ok"]


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("two words", 9, "two words"),
        ("two words", 8, "two…"),
        ("two words", 4, "two…"),
        ("unbreakable", 6, "unbre…"),
        ("one line\nand more", 40, "one line…"),
        ("", 5, ""),
        ("蜂蜂 蜂蜂", 7, "蜂蜂…"),
    ],
)
def test_a_text_is_shortened_between_words(text: str, width: int, short: str):
    assert shortened(text, width) == short


def long_run(now: int, of: int, status: RunStatus = RunStatus.RUNNING) -> RunView:
    """Return a run at its ``now``-th step."""

    def step(position: int) -> StepView:
        return StepView(
            position=position,
            step=f"step-{position}",
            direction=Direction.EXECUTE,
            status=StepStatus.COMPLETED if position < now else StepStatus.RUNNING,
            attempt=1,
            idempotency_key=f"{position}",
        )

    return RunView(
        workflow_id=RUN,
        workflow="long",
        status=status,
        created_at=NOW,
        trace_id="t",
        steps=tuple(step(position) for position in range(1, now + 1)),
        ahead=tuple(f"step-{position}" for position in range(now + 1, of + 1)),
    )


@pytest.mark.parametrize("now", [1, 2, 25, 49, 50])
@pytest.mark.parametrize("width", [40, 80])
def test_the_running_step_stays_in_sight(monkeypatch: pytest.MonkeyPatch, now: int, width: int):
    monkeypatch.delenv("COLUMNS", raising=False)
    screen = Console(file=io.StringIO(), width=width, height=24, force_terminal=True, color_system=None)

    with Live(console=screen, auto_refresh=False) as live:
        Table(live).update(long_run(now, 50), "nobody serves step 'x': start its worker, as `paigeant run handlers.py`")
        drawn = [line.plain for line in live.get_renderable().renderables]  # type: ignore[union-attr]

    assert len(drawn) <= 23
    assert max(map(len, drawn)) <= width
    assert [line for line in drawn if f"step-{now} " in line and "running" in line]
    assert f"step {now} of 50" in " ".join(drawn)
    assert any("before" in line for line in drawn) == (now > 2)
    assert any("more" in line for line in drawn) == (now < 49)


def test_a_short_run_is_shown_whole():
    assert [line.plain.split()[0] for line in timeline(long_run(2, 4), 80, 20)] == ["#", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("branches", "said"),
    [
        (BranchCounts(total=200, completed=190, failed=7, cancelled=3, open=0), "190 of 200, 7 failed, 3 cancelled"),
        (BranchCounts(total=3, completed=1, failed=0, cancelled=0, open=2), "1 of 3, 2 open"),
        (BranchCounts(total=2, completed=2, failed=0, cancelled=0, open=0), "2 of 2"),
    ],
)
def test_a_node_says_how_many_of_its_branches_are_done(branches: BranchCounts, said: str):
    assert branches_line(branches) == said


def looped(failed: int, items: int = 40) -> RunView:
    """Return a run whose list had so many items, of which this one failed, each with a step and a list within."""

    def step(number: int, path: str) -> StepView:
        return StepView(
            path=path,
            position=1,
            step="label",
            direction=Direction.EXECUTE,
            status=StepStatus.FAILED if number == failed else StepStatus.COMPLETED,
            attempt=1,
            idempotency_key=path,
        )

    counts = BranchCounts(total=items, completed=items - 1, failed=1, cancelled=0, open=0)
    node = NodeView(
        position=1,
        direction=Direction.EXECUTE,
        kind="for_each",
        name="item",
        status=StepStatus.COMPLETED,
        branches=counts,
    )
    steps = tuple(step(number, f"1.{number}") for number in range(items))
    return long_run(1, 1, RunStatus.COMPLETED).model_copy(update={"steps": steps, "nodes": (node,), "ahead": ()})


def test_a_list_is_one_line_with_the_numbers_of_what_failed_and_all_of_it_if_that_is_asked():
    short = [" ".join(line.plain.split()) for line in timeline(looped(failed=6), 80)]
    whole = [" ".join(line.plain.split()) for line in timeline(looped(failed=6), 80, whole=True)]

    assert short[1:] == [
        "1 for_each item completed 39 of 40, 1 failed: 6",
        "1.6:1 label failed",
        "… 39 that completed: --all shows them",
    ]
    assert len(whole) == 1 + 1 + 40
    assert timeline(looped(failed=6), 80)[2].plain.partition("label")[0].endswith("  ")  # indented by its path
