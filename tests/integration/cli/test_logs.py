"""In ``paigeant run`` every line is of the format that was asked for, and knows its step, whoever logged it."""

from __future__ import annotations

import json
import signal
from typing import Any

TALKATIVE = """
import asyncio
import logging
import threading
import warnings

import structlog

from paigeant import ActivityContext, ActivityRegistry, RetryPolicy, Workflow

log, struct = logging.getLogger("shop"), structlog.get_logger("shop.struct")
log.info("while importing")
struct.info("while importing with structlog", number=1)
warnings.warn("be warned")
activity = ActivityRegistry()


@activity.execute(retry=RetryPolicy(max_attempts=1))
async def talk(ctx: ActivityContext) -> None:
    log.info("in the step")
    struct.warning("in the step with structlog", number=2)
    ctx.logger.info("by the context")
    await asyncio.to_thread(log.info, "in a thread of the step")
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    asyncio.create_task(never_awaited())
    await asyncio.sleep(0)
    log.debug("nobody wants this")
    raise ValueError("two\\nlines")


async def never_awaited() -> None:
    raise KeyError("nobody waits")


talking = Workflow("talking", ["talk"])
"""


def test_every_line_is_json_and_knows_its_step(project: Any, until: Any):
    project.write("handlers.py", TALKATIVE)
    worker = project.start("run", "handlers.py", PAIGEANT_LOG_FORMAT="json")
    until(lambda: "worker started" in project.said(worker))
    shown = project.process("dispatch", "talking", "-", "--json", "--wait", stdin="{}").stdout
    run = json.loads(shown)["workflow_id"]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0

    lines = [json.loads(line) for line in project.said(worker).splitlines()]

    said = {line["event"].splitlines()[0]: line for line in lines}
    assert {"while importing", "while importing with structlog", "worker started", "worker stopped"} <= said.keys()
    assert any(line["logger"] == "py.warnings" and "be warned" in line["event"] for line in lines)
    assert any(line["logger"] == "asyncio" and "KeyError" in line["exception"] for line in lines)
    assert any("ZeroDivisionError" in line.get("exception", "") for line in lines)
    assert any(line["event"].startswith("stopping: running steps get 5 s") for line in lines)
    assert "nobody wants this" not in said
    for text in (
        "in the step",
        "in the step with structlog",
        "by the context",
        "in a thread of the step",
        "step began",
        "step ended",
    ):
        fields = said[text]
        assert (fields["workflow_id"], fields["step"], fields["attempt"]) == (run, "talk", 1), fields
        assert (fields["correlation_id"], fields["namespace"], fields["path"]) == (run, "default", ""), fields
        assert fields["worker"] == said["worker started"]["worker"]
        assert len(fields["trace_id"]) == 32
    assert said["step ended"]["level"] == "error"
    assert said["step ended"]["error"] == "ValueError: two\nlines"
    assert "in talk" in said["step ended"]["exception"]
    assert all({"timestamp", "level", "logger"} <= line.keys() for line in lines)


def test_lines_are_kept_if_asked_and_found_by_their_run(project: Any, until: Any):
    project.write("handlers.py", TALKATIVE)
    kept = {"PAIGEANT_LOG_SINK": "store"}
    worker = project.start("run", "handlers.py", PAIGEANT_LOG_FORMAT="json", **kept)
    until(lambda: "worker started" in project.said(worker))
    shown = project.process("dispatch", "talking", "-", "--json", "--wait", "--correlation-id", "c7", stdin="{}").stdout
    run = json.loads(shown)["workflow_id"]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0

    lines = project.paigeant("logs", run[:30], "--json", **kept).stdout.splitlines()
    errors = project.paigeant("logs", "--correlation-id", "c7", "--level", "error", **kept).stdout
    without = project.paigeant("logs")

    assert json.loads(lines[0])["event"] == "step began"
    assert {json.loads(line)["workflow_id"] for line in lines} == {run}
    assert "step ended" in errors
    assert "in the step" not in errors
    assert (without.returncode, "PAIGEANT_LOG_SINK=store" in without.stderr) == (2, True)


def test_an_error_that_ends_the_program_is_a_line_of_the_log_where_json_is_asked_for(project: Any):
    ended = project.paigeant("run", "nosuch.py", PAIGEANT_LOG_FORMAT="json")

    [line] = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert "nosuch.py: no such file" in json.loads(line)["event"]


def test_colours_are_as_the_environment_says(project: Any):
    project.write("handlers.py", "import logging\nlogging.getLogger('shop').info('hello')\n")

    plain = project.paigeant("run", "handlers.py", PAIGEANT_LOG_FORMAT="console")
    forced = project.paigeant("run", "handlers.py", PAIGEANT_LOG_FORMAT="console", FORCE_COLOR="1")

    assert "hello" in plain.stderr
    assert "\x1b" not in plain.stderr
    assert "\x1b[" in forced.stderr
