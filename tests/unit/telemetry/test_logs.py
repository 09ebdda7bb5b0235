"""What a worker has to say goes through ``logging`` with its facts as fields, so that whoever embeds it sees it."""

from __future__ import annotations

import logging

import pytest

from paigeant import ActivityContext, ActivityRegistry, RetryPolicy, Workflow
from paigeant.app import Paigeant
from paigeant.config import Settings
from paigeant.errors import ConfigError, Unavailable
from paigeant.model.events import Trouble
from paigeant.telemetry.lines import line_of
from paigeant.telemetry.logs import LogHooks


async def execute(registry: ActivityRegistry, *steps: str) -> str:
    """Run a workflow of these steps in an embedded worker; returns its id."""
    app = Paigeant(registry, workflows=[Workflow("w", list(steps))], settings=Settings(store="memory://"))
    async with app, app.worker():
        run = await app.dispatch("w", {})
        await run.result(20)
    return str(run.workflow_id)


async def test_a_failed_step_of_an_embedded_worker_is_an_error_with_its_traceback(caplog: pytest.LogCaptureFixture):
    registry = ActivityRegistry()

    @registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    async def charge() -> None:
        raise ValueError("the card is declined")

    run = await execute(registry, "charge")

    lines = [record for record in caplog.records if record.name == "paigeant.steps"]
    again, failed = [record for record in lines if vars(record)["event"] == "step ended"]
    assert (again.levelname, failed.levelname) == ("WARNING", "ERROR")
    assert failed.getMessage() == "step 'charge' failed: ValueError: the card is declined"
    assert failed.exc_info is not None
    assert "in charge" in str(logging.Formatter().formatException(failed.exc_info))
    fields = vars(failed)
    assert (fields["event"], fields["workflow_id"], fields["step"], fields["attempt"]) == (
        "step ended",
        run,
        "charge",
        2,
    )
    assert (fields["status"], fields["run"], fields["error"]) == (
        "failed",
        "failed",
        "ValueError: the card is declined",
    )


async def test_an_enormous_error_is_no_enormous_line_whoever_formats_it(caplog: pytest.LogCaptureFixture):
    registry = ActivityRegistry()

    @registry.execute(retry=RetryPolicy(max_attempts=1))
    async def charge() -> None:
        raise ValueError("x" * 5_000_000)

    await execute(registry, "charge")

    [failed] = [record for record in caplog.records if vars(record).get("status") == "failed"]
    shown = logging.Formatter("%(message)s").format(failed)
    assert "in charge" in shown
    assert len(shown) < 20_000


def test_what_a_worker_is_in_trouble_with_is_no_enormous_line(caplog: pytest.LogCaptureFixture):
    LogHooks().on_event(Trouble("w1", "committing", ValueError("x" * 5_000_000)))

    [line] = caplog.records
    assert len(line.getMessage()) < 3_000
    assert len(logging.Formatter("%(message)s").format(line)) < 20_000


async def test_a_line_is_only_made_if_its_level_is_enabled(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    def fail(_: object) -> None:
        raise AssertionError

    registry = ActivityRegistry()
    registry.execute("one")(lambda: None)
    caplog.set_level(logging.WARNING, logger="paigeant")
    monkeypatch.setattr("paigeant.telemetry.logs.step_fields", fail)

    await execute(registry, "one")

    assert caplog.records == []


async def test_a_completed_step_is_information(caplog: pytest.LogCaptureFixture):
    registry = ActivityRegistry()
    registry.execute("one")(lambda: None)
    caplog.set_level(logging.INFO, logger="paigeant")

    await execute(registry, "one")

    events = [vars(record)["event"] for record in caplog.records]
    assert events == ["worker started", "step began", "step ended", "worker stopped"]


async def test_the_logger_of_a_context_bears_the_ids_of_its_step(caplog: pytest.LogCaptureFixture):
    registry = ActivityRegistry()
    caplog.set_level(logging.INFO, logger="paigeant")

    @registry.execute()
    async def charge(ctx: ActivityContext) -> None:
        ctx.logger.info("charging %d", 3, extra={"currency": "EUR"})

    run = await execute(registry, "charge")

    [line] = [record for record in caplog.records if record.name == "paigeant.activity.charge"]
    fields = vars(line)
    assert (line.getMessage(), fields["currency"]) == ("charging 3", "EUR")
    assert (fields["workflow_id"], fields["step"], fields["position"]) == (run, "charge", 1)


def test_what_is_frequent_is_not_even_made_for_the_log():
    names = {kind.__name__ for kind in LogHooks.wanted_events or ()}

    assert names.isdisjoint({"Published", "Delivered", "LeaseGranted", "BatchCommitted", "RunDispatched", "RunEnded"})
    assert {"StepEnded", "Trouble", "ConnectionLost"} <= names


async def test_the_line_of_a_failed_step_has_the_traceback_that_is_kept_with_it(caplog: pytest.LogCaptureFixture):
    registry = ActivityRegistry()

    @registry.execute(retry=RetryPolicy(max_attempts=1))
    async def charge() -> None:
        raise ValueError("the card is declined") from KeyError("card")

    app = Paigeant(registry, workflows=[Workflow("w", ["charge"])], settings=Settings(store="memory://"))
    async with app, app.worker():
        run = await app.dispatch("w", {})
        await run.result(20)
        [step] = await run.steps()

    [failed] = [record for record in caplog.records if vars(record).get("event") == "step ended"]
    kept = step.errors[0].traceback or ""
    assert "KeyError: 'card'" in kept
    assert "The above exception was the direct cause" in kept
    assert vars(failed)["traceback"] == kept
    assert line_of(failed, {})["exception"] == kept


def test_a_mistake_in_the_configuration_is_told_once_a_minute_and_not_with_each_attempt(
    caplog: pytest.LogCaptureFixture,
):
    hooks = LogHooks()

    for _ in range(3):
        hooks.on_event(Trouble("me", "taking in steps", ConfigError("permission denied for table records")))
        hooks.on_event(Trouble("me", "taking in steps", Unavailable("nobody answers")))

    assert sum("permission denied for table records" in line for line in caplog.messages) == 1
    assert sum("nobody answers" in line for line in caplog.messages) == 3
