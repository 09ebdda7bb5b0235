"""Structured logs: one line for each step's end, and one for whatever an operator must know."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, assert_never

import structlog

from paigeant.abc import Hooks
from paigeant.model.dead_letters import RejectedMessage
from paigeant.model.events import Event, LeaseLost, Noticed, SetAside, StepEnded, Trouble, WorkerStarted, WorkerStopped
from paigeant.model.hops import Leased, Verdict
from paigeant.model.runs import StepStatus

LOGGER: Final = "paigeant"


def configure(log_format: str = "console", level: str = "INFO") -> None:
    """Send structured logs to stderr, as JSON lines or for a person at a console; for programs, never for libraries."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=_plain)
    )
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _plain(sio: Any, exc_info: Any) -> None:
    structlog.dev.plain_traceback(sio, exc_info)


class LogHooks(Hooks):
    """Logs what happens in a worker: trace, workflow, step, position, attempt, status, duration."""

    def __init__(self) -> None:
        """Log to the logger ``paigeant``."""
        self._log: Any = structlog.get_logger(LOGGER)

    def on_event(self, event: Event) -> None:
        """Write one line."""
        match event:
            case StepEnded():
                self._step_ended(event)
            case LeaseLost(worker, leased, reason):
                self._log.warning("lease lost", reason=reason, worker=worker, **_of(leased))
            case WorkerStarted(worker, topics, concurrency):
                self._log.info("worker started", worker=worker, serves=list(topics), concurrency=concurrency)
            case WorkerStopped(worker, released):
                self._log.info("worker stopped", worker=worker, released=released)
            case Trouble(worker, doing, error):
                text = f"{type(error).__name__}: {error}"
                self._log.warning("trouble, trying again", doing=doing, error=text, worker=worker)
            case SetAside(worker, rejected):
                self._set_aside(worker, rejected)
            case Noticed(worker, finding):
                self._log.warning(finding.said, about=finding.about, mend=finding.mend, worker=worker)
            case _:
                assert_never(event)

    def _set_aside(self, worker: str, rejected: RejectedMessage) -> None:
        facts = {"topic": rejected.topic, "message_id": rejected.message_id, "reason": str(rejected.reason)}
        self._log.warning("dead letter", detail=rejected.detail, bytes=rejected.size, worker=worker, **facts)

    def _step_ended(self, event: StepEnded) -> None:
        transition, fault = event.transition, event.transition.fault
        facts = {**_of(event.leased), "status": str(transition.status), "ms": round(event.seconds * 1000, 1)}
        if transition.delay is not None:
            facts["again_in_s"] = round(transition.delay, 3)
        if transition.reason is not None:
            facts["reason"] = transition.reason
        if fault is not None:
            facts["error"] = f"{fault.type}: {fault.message}"
            facts["where"] = fault.where
        if transition.run.final:
            facts["run"] = str(transition.run)
        if event.verdict is not Verdict.OK:
            facts["verdict"] = str(event.verdict)
        bad = transition.status in {StepStatus.FAILED, StepStatus.RETRYING}
        (self._log.warning if bad else self._log.info)("step", **facts)


def _of(leased: Leased) -> dict[str, Any]:
    headers = leased.message.headers
    return {
        "trace": headers.trace_id,
        "workflow": headers.workflow,
        "workflow_id": str(headers.workflow_id),
        "step": leased.message.topic,
        "direction": str(headers.direction),
        "position": headers.position,
        "attempt": leased.grant.attempt,
    }
