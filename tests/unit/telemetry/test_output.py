"""Whatever the value, a line of the log is one line; colours are as the environment says."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from paigeant import ActivityRegistry, Workflow
from paigeant.app import Paigeant
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.telemetry.color import wants_color
from paigeant.telemetry.lines import json_line, json_lines
from paigeant.telemetry.logs import STEPS
from paigeant.telemetry.output import WriterHandler, configure, flush
from paigeant.telemetry.step_context import StepContext


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, sys.unraisablehook)
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(capture=False)


def written(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what was written once all is."""
    flush()
    return capsys.readouterr().err


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

    [line] = written(capsys).splitlines()
    read = json.loads(line)
    assert (read["event"], read["level"], read["logger"], read["beside"]) == ("the value is there", "warning", "app", 7)
    assert "value" in read
    assert "\x1b" not in line


def test_a_line_that_cannot_be_formatted_is_still_a_line(capsys: pytest.CaptureFixture[str]):
    configure("json")

    [handler] = [handler for handler in logging.getLogger().handlers if isinstance(handler, WriterHandler)]
    handler.handle(logging.LogRecord("app", logging.WARNING, __file__, 1, "%d of them", ("three",), None))

    [line] = written(capsys).splitlines()
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

    [line] = written(capsys).splitlines()
    read = json.loads(line)
    assert read["event"] == "it failed"
    assert 10_000 < len(read["exception"]) < 17_000


def test_configuring_again_writes_no_line_twice(capsys: pytest.CaptureFixture[str]):
    configure("json")
    configure("console", "WARNING")

    logging.getLogger("app").warning("once")
    logging.getLogger("app").info("never")

    assert written(capsys).count("once") == 1
    assert sum(isinstance(handler, WriterHandler) for handler in logging.getLogger().handlers) == 1


def test_what_a_value_holds_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]):
    configure("console")

    logging.getLogger("app").warning("gone\x1b[2J", extra={"value": "\x1b]0;title\x07", "turned": "a\u202eb"})

    said = written(capsys)
    assert "gone\\x1b[2J" in said
    assert not {"\x1b", "\x07", "\u202e"} & set(said)


def test_a_terminal_that_knows_ascii_only_gets_its_line(monkeypatch: pytest.MonkeyPatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii", errors="strict"))
    configure("console")

    logging.getLogger("app").warning("Zoë")

    flush()
    assert b"Zo\\xeb" in raw.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_secrets_are_masked_wherever_they_stand(log_format: str, capsys: pytest.CaptureFixture[str]):
    configure(log_format)

    logging.getLogger("app").warning(
        "asking %s with Bearer abcdef123456",
        "postgresql://joe:hunter2@db/shop",
        extra={
            "password": "hunter2",
            "api_key": "hunter2",
            "headers": {"Authorization": "hunter2"},
            "sent": ["sk-" + "x" * 40],
        },
    )

    said = written(capsys)
    assert "asking postgresql://joe:***@db/shop with ***" in said
    assert not {"hunter2", "abcdef123456", "xxxx"} & {
        word for word in ("hunter2", "abcdef123456", "xxxx") if word in said
    }


def test_what_steers_a_terminal_is_escaped_in_json_too(capsys: pytest.CaptureFixture[str]):
    configure("json")

    logging.getLogger("app").warning("a\x7f\x9b\u202eb")

    [line] = written(capsys).splitlines()
    assert line.isascii()
    assert json.loads(line)["event"] == "a\x7f\x9b\u202eb"


def test_structlog_may_use_any_names_and_signs(capsys: pytest.CaptureFixture[str]):
    configure("json")

    structlog.get_logger("shop").warning("100 %s sure", name="Joe", message="hello", args=[1], level="high")

    [line] = written(capsys).splitlines()
    read = json.loads(line)
    assert (read["event"], read["name"], read["message"], read["args"]) == ("100 %s sure", "Joe", "hello", [1])


def test_a_log_file_that_was_moved_is_opened_again(tmp_path: Path):
    file = tmp_path / "paigeant.log"
    configure("json", file=file)
    logging.getLogger("app").warning("one")
    flush()
    file.rename(tmp_path / "old.log")

    logging.getLogger("app").warning("two")
    flush()

    assert json.loads((tmp_path / "old.log").read_text())["event"] == "one"
    assert json.loads(file.read_text())["event"] == "two"


def test_a_log_file_that_cannot_be_written_is_one_clear_error(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"PAIGEANT_LOG_FILE: .* cannot be written: No such file"):
        configure("json", file=tmp_path / "missing" / "paigeant.log")


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


def test_lines_rendered_together_are_as_each_alone():
    plain = {"event": "said", "step": "charge", "position": 1}
    odd: list[dict[str, Any]] = [
        {"event": "a", "password": "hunter2"},
        {"event": "a", "sent": {"apiKey": "hunter2"}},
        {"event": "postgresql://joe:hunter2@db/shop"},
        {"event": "[a] {b}", "value": CIRCLE},
        {"event": "Zoë \x7f", "value": b"\xff"},
        {"event": "a", "value": Itself()},
    ]

    assert json_lines([plain, plain]) == 2 * f"{json_line(plain)}\n"
    for each in odd:
        assert json_lines([plain, each, plain]) == "".join(f"{json_line(line)}\n" for line in (plain, each, plain))
        assert "hunter2" not in json_lines([plain, each])


async def test_a_line_of_a_step_is_the_same_whether_or_not_a_record_is_made_of_it(capsys: pytest.CaptureFixture[str]):
    registry = ActivityRegistry()

    @registry.execute()
    async def greet() -> None: ...

    async def lines() -> list[dict[str, Any]]:
        settings, context = Settings(store="memory://"), StepContext(namespace="here")
        app = Paigeant(registry, workflows=[Workflow("w", ["greet"])], settings=settings, hooks=[context])
        async with app, app.worker():
            await (await app.dispatch("w", {})).result(20)
        read = [json.loads(line) for line in written(capsys).splitlines()]
        return [line for line in read if line["logger"] == "paigeant.steps"]

    configure("json")
    logging.getLogger().handlers[:] = [each for each in logging.getLogger().handlers if isinstance(each, WriterHandler)]
    alone = await lines()
    logging.getLogger().addHandler(logging.NullHandler())
    beside = await lines()

    assert [line["event"] for line in alone] == ["step began", "step ended"]
    assert [line.keys() for line in alone] == [line.keys() for line in beside]
    same = ("level", "event", "logger", "namespace", "workflow", "step", "position", "attempt")
    assert [[line[name] for name in same] for line in alone] == [[line[name] for name in same] for line in beside]


async def test_a_filter_of_the_program_still_sees_the_lines_of_steps():
    configure("json")
    seen: list[str] = []

    def note(record: logging.LogRecord) -> bool:
        seen.append(vars(record)["step"])
        return False

    registry = ActivityRegistry()

    @registry.execute()
    async def charge() -> None: ...

    STEPS.addFilter(note)
    try:
        app = Paigeant(registry, workflows=[Workflow("w", ["charge"])], settings=Settings(store="memory://"))
        async with app, app.worker():
            await (await app.dispatch("w", {})).result(20)
    finally:
        STEPS.removeFilter(note)

    assert seen == ["charge", "charge"]
