"""Whatever the value, a line of the log is one line; colours are as the environment says."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from paigeant.telemetry.color import wants_color
from paigeant.telemetry.output import StderrHandler, configure


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, sys.unraisablehook)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(capture=False)


class Itself:
    """What can only be shown."""

    def __repr__(self) -> str:
        return "Itself()"


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    "value", ["a\nb", "\ud800", b"\xff", float("nan"), float("inf"), Itself(), CIRCLE, {1: Itself()}, 2**80, "\x1b[2J"]
)
def test_any_value_makes_one_line_of_json(value: Any, capsys: pytest.CaptureFixture[str]):
    configure("json")

    logging.getLogger("app").warning("the value is %s", "there", extra={"value": value, "beside": 7})

    [line] = capsys.readouterr().err.splitlines()
    read = json.loads(line)
    assert (read["event"], read["level"], read["logger"], read["beside"]) == ("the value is there", "warning", "app", 7)
    assert "value" in read
    assert "\x1b" not in line


def test_a_line_that_cannot_be_formatted_is_still_a_line(capsys: pytest.CaptureFixture[str]):
    configure("json")

    [handler] = [handler for handler in logging.getLogger().handlers if isinstance(handler, StderrHandler)]
    handler.handle(logging.LogRecord("app", logging.WARNING, __file__, 1, "%d of them", ("three",), None))

    [line] = capsys.readouterr().err.splitlines()
    assert "cannot be formatted" in json.loads(line)["event"]


def test_a_traceback_is_a_field_and_has_an_end(capsys: pytest.CaptureFixture[str]):
    def deep(left: int) -> None:
        if not left:
            raise ValueError("x" * 20_000)
        deep(left - 1)

    configure("json")
    try:
        deep(200)
    except ValueError:
        logging.getLogger("app").exception("it failed")

    [line] = capsys.readouterr().err.splitlines()
    read = json.loads(line)
    assert read["event"] == "it failed"
    assert 10_000 < len(read["exception"]) < 17_000


def test_configuring_again_writes_no_line_twice(capsys: pytest.CaptureFixture[str]):
    configure("json")
    configure("console", "WARNING")

    logging.getLogger("app").warning("once")
    logging.getLogger("app").info("never")

    assert capsys.readouterr().err.count("once") == 1
    assert sum(isinstance(handler, StderrHandler) for handler in logging.getLogger().handlers) == 1


def test_what_a_value_holds_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]):
    configure("console")

    logging.getLogger("app").warning("gone\x1b[2J", extra={"value": "\x1b]0;title\x07", "turned": "a\u202eb"})

    said = capsys.readouterr().err
    assert "gone\\x1b[2J" in said
    assert not {"\x1b", "\x07", "\u202e"} & set(said)


def test_a_terminal_that_knows_ascii_only_gets_its_line(monkeypatch: pytest.MonkeyPatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written, encoding="ascii", errors="strict"))
    configure("console")

    logging.getLogger("app").warning("Zoë")

    assert b"Zo\\xeb" in written.getvalue()


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "on_screen", "in_pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
    ],
)
def test_colours_are_as_the_environment_says(environ: dict[str, str], *, on_screen: bool, in_pipe: bool):
    assert (wants_color(Screen(), environ), wants_color(io.StringIO(), environ)) == (on_screen, in_pipe)
