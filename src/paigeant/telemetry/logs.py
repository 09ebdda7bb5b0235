"""Log hooks: a line for each step's start and end, and for each event that an operator must know, by ``logging``.

An application with an embedded worker configures them itself, under ``paigeant``. The message is for people; the fields
of the record (``extra``) have the same facts for programs, with a fixed ``event`` for the kind of line.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final

from paigeant.abc import Hooks
from paigeant.activities.faults import clean, text_of
from paigeant.activities.tracebacks import traceback_of
from paigeant.errors import ConfigError, PaigeantError
from paigeant.model.entries.entry import FLOW
from paigeant.model.events import (
    ConnectionLost,
    ConnectionRestored,
    Event,
    LeaseLost,
    MessageHeld,
    Noticed,
    QueueRebuilt,
    SetAside,
    StepBegan,
    StepEnded,
    StepReleased,
    Trouble,
    WorkerDraining,
    WorkerStarted,
    WorkerStopped,
)
from paigeant.model.hold import After
from paigeant.model.hops import Verdict
from paigeant.model.runs import StepStatus
from paigeant.model.secrecy.secrets import hidden
from paigeant.model.transition import Done, Held, Left
from paigeant.model.values.showing import class_name
from paigeant.model.values.values import Inline
from paigeant.telemetry.step_lines import STEPS, Line, StepLine, step_fields

WORKER: Final = logging.getLogger("paigeant.worker")
CONNECTIONS: Final = logging.getLogger("paigeant.connections")
_ROOT: Final = logging.getLogger()
_OURS: Final = logging.getLogger("paigeant")

_LEVELS: Final = {StepStatus.FAILED: logging.ERROR, StepStatus.RETRYING: logging.WARNING}
_EXPECTED: Final = (PaigeantError, TimeoutError, OSError)
"""Errors without a traceback in the log; others are bugs, and have one."""


class LineHandler(logging.Handler, ABC):
    """Handler that accepts a step's line without a LogRecord: creating one costs more than the rest of the line."""

    @abstractmethod
    def take(self, line: StepLine, level: int) -> None:
        """Handle a line of ``STEPS``."""


class LogHooks(Hooks):
    """Logs events of a worker. A line is only created if its level is enabled."""

    def __init__(self, *, payloads: bool = False) -> None:
        """With ``payloads``, the line of a step's end has its output, if that is inline."""
        self._payloads = payloads

    def on_event(self, event: Event) -> None:
        """Write one line."""
        if self._payloads and isinstance(event, StepEnded):
            _step_ended(event, payloads=True)
        else:
            _LINES[type(event)](event)


def _log(
    logger: logging.Logger, level: int, text: str, fields: dict[str, Any], error: BaseException | None = None
) -> None:
    """Log a line, without the search for the calling line of code, which would cost most and help nobody."""
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    record = logger.makeRecord(logger.name, level, "paigeant", 0, "%s", (text,), exc_info)
    if error is not None:  # every formatter shows this instead of formatting a traceback of unlimited length
        record.exc_text = fields.get("traceback") or traceback_of(error)
    vars(record).update(fields)  # as `extra`, without its check for reserved names: there are none
    logger.handle(record)


def _log_step(event: StepBegan | StepEnded, level: int, more: Line, error: BaseException | None = None) -> None:
    """Log a line of a step; without a LogRecord if no handler but our own would see it."""
    name, text = ("step began", _began) if isinstance(event, StepBegan) else ("step ended", _ended)
    handlers = _ROOT.handlers
    if error is None and len(handlers) == 1 and isinstance(handlers[0], LineHandler) and _goes_only_there(STEPS):
        handlers[0].take(StepLine(event.leased, event.worker, level, name, more), level)
    else:
        fields = {"event": name, **step_fields(event.leased), **more, "worker": event.worker}
        _log(STEPS, level, text(event), fields, error)


def _began(event: Any) -> str:
    return f"step {event.leased.message.topic!r} began"


def _ended(event: Any) -> str:
    hop = event.transition.hop
    said = f": {class_name(hop.fault.type)}: {hop.fault.message}" if hop.fault else ""
    return f"step {event.leased.message.topic!r} {hop.status}{said}"


def _goes_only_there(logger: logging.Logger) -> bool:
    """True if only the root's handlers would receive a record of this logger."""
    met = logger.handlers or logger.filters or _OURS.handlers or _ROOT.handlers[0].filters
    return not met and logger.propagate and _OURS.propagate and not logging.root.manager.disable


def _step_began(event: StepBegan) -> None:
    level = logging.DEBUG if event.leased.message.topic == FLOW else logging.INFO
    if STEPS.isEnabledFor(level):
        _log_step(event, level, {})


def _step_ended(event: StepEnded, *, payloads: bool = False) -> None:
    hop = event.transition.hop
    level = logging.DEBUG if event.leased.message.topic == FLOW else _LEVELS.get(hop.status, logging.INFO)
    if STEPS.isEnabledFor(level):
        more = _outcome_fields(event)
        if payloads and isinstance(hop, Left) and isinstance(hop.result, Done):
            more["output"] = hidden(hop.result.output.value) if isinstance(hop.result.output, Inline) else None
        _log_step(event, level, more, event.error if hop.fault else None)


def _outcome_fields(event: StepEnded) -> dict[str, Any]:
    hop, end = event.transition.hop, event.transition.end
    fields: dict[str, Any] = {"status": str(hop.status), "duration_ms": round(event.seconds * 1000, 1)}
    if isinstance(hop, Held) and isinstance(hop.hold, After):
        fields["again_in_s"] = round(hop.hold.seconds, 3)
    if isinstance(hop, Held) and hop.reason is not None:
        fields["reason"] = hop.reason
    if hop.fault is not None:
        fields["error"] = f"{hop.fault.type}: {hop.fault.message}"
        fields["where"] = hop.fault.where
        if hop.fault.traceback is not None:
            fields["traceback"] = hop.fault.traceback
    if end is not None:
        fields["run"] = str(end.status)
    if event.verdict is not Verdict.OK:
        fields["verdict"] = str(event.verdict)
    return fields


def _step_released(event: StepReleased) -> None:
    level = logging.DEBUG if event.leased.message.topic == FLOW else logging.INFO
    if STEPS.isEnabledFor(level):
        text = "step %r released: this worker stops, another runs it"
        fields = {"event": "step released", **step_fields(event.leased), "worker": event.worker}
        STEPS.log(level, text, event.leased.message.topic, extra=fields)


def _lease_lost(event: LeaseLost) -> None:
    fields = {"event": "lease lost", **step_fields(event.leased), "reason": event.reason, "worker": event.worker}
    STEPS.warning("lease lost: %s", event.reason, extra=fields)


def _message_held(event: MessageHeld) -> None:
    fields = {
        "event": "message held",
        "workflow_id": str(event.grant.key.workflow_id),
        "step": event.grant.topic,
        "path": event.grant.key.path,
        "position": event.grant.key.position,
        "reason": event.reason,
        "error": _said(event.error),
        "worker": event.worker,
    }
    STEPS.error("message held: %s: %s", event.reason, clean(text_of(event.error)), extra=fields)


def _worker_started(event: WorkerStarted) -> None:
    facts = {"worker": event.worker, "serves": list(event.topics), "concurrency": event.concurrency}
    facts["published"] = list(event.workflows)
    published = f"published the workflows {', '.join(event.workflows)}" if event.workflows else "published no workflow"
    text = f"worker started, serves {', '.join(event.topics)}; {published}"
    WORKER.info("%s", text, extra={"event": "worker started", **facts})


def _worker_draining(event: WorkerDraining) -> None:
    fields = {"event": "worker draining", "worker": event.worker, "running": event.running}
    WORKER.info("worker draining: it takes in nothing more; %d steps go on", event.running, extra=fields)


def _worker_stopped(event: WorkerStopped) -> None:
    fields = {"event": "worker stopped", "worker": event.worker, "released": event.released}
    WORKER.info("worker stopped, %d steps released", event.released, extra=fields)


def _trouble(event: Trouble) -> None:
    if WORKER.isEnabledFor(logging.WARNING):
        error = _said(event.error)
        if isinstance(event.error, ConfigError) and not _is_news(f"{event.doing}: {error}"):
            return
        fields = {"event": "trouble, trying again", "worker": event.worker, "doing": event.doing, "error": error}
        unexpected = None if isinstance(event.error, _EXPECTED) else event.error
        _log(WORKER, logging.WARNING, f"trouble, trying again: {event.doing}: {error}", fields, unexpected)


_REPEATED: Final = 60.0
"""Seconds after which a mistake in the configuration is told again: waiting does not mend it."""

_told: dict[str, float] = {}


def _is_news(text: str) -> bool:
    """True if this was not told within the last minute."""
    now = monotonic()
    for old in [each for each, at in _told.items() if now - at > _REPEATED]:
        del _told[old]
    return _told.setdefault(text, now) == now


def _said(error: BaseException) -> str:
    """Return class and text of an error, cut like the errors of steps."""
    return clean(f"{type(error).__name__}: {text_of(error)}")


def _set_aside(event: SetAside) -> None:
    rejected = event.rejected
    fields = {
        "event": "dead letter",
        "topic": rejected.topic,
        "message_id": rejected.message_id,
        "reason": str(rejected.reason),
        "detail": rejected.detail,
        "bytes": rejected.size,
        "worker": event.worker,
    }
    WORKER.warning("dead letter: %s: %s", rejected.reason, rejected.detail, extra=fields)


def _noticed(event: Noticed) -> None:
    finding = event.finding
    fields = {"event": finding.said, "about": finding.about, "fix": finding.fix, "worker": event.worker}
    WORKER.warning("%s; %s", finding.said, finding.fix, extra=fields)


def _connection_lost(event: ConnectionLost) -> None:
    error = clean(text_of(event.error))
    fields = {"event": "connection lost", "server": event.name, "error": error}
    CONNECTIONS.warning("connection lost, trying again: %s", error, extra=fields)


def _connection_restored(event: ConnectionRestored) -> None:
    fields = {"event": "connection restored", "server": event.name, "attempts": event.attempts}
    CONNECTIONS.info("%s answers again", event.name, extra=fields)


def _queue_rebuilt(event: QueueRebuilt) -> None:
    fields = {"event": "queue rebuilt", "queue": event.queue, "reason": event.reason}
    CONNECTIONS.warning("queue %s was rebuilt: %s", event.queue, event.reason, extra=fields)


_LINES: Final[Mapping[type[Event], Callable[[Any], None]]] = {
    StepBegan: _step_began,
    StepEnded: _step_ended,
    StepReleased: _step_released,
    LeaseLost: _lease_lost,
    MessageHeld: _message_held,
    WorkerStarted: _worker_started,
    WorkerDraining: _worker_draining,
    WorkerStopped: _worker_stopped,
    Trouble: _trouble,
    SetAside: _set_aside,
    Noticed: _noticed,
    ConnectionLost: _connection_lost,
    ConnectionRestored: _connection_restored,
    QueueRebuilt: _queue_rebuilt,
}
LogHooks.wanted_events = frozenset(_LINES)
