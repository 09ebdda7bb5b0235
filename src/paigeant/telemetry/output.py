"""Log output of a program: every line that it writes, whoever logged it, in one format on stderr.

For programs, as ``paigeant run``; never for libraries. Lines of stdlib ``logging``, of structlog, of ``warnings``, and
of errors that nobody caught go through the same formatter, and carry the ids of the step in which they were logged.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, Final

import structlog
from pydantic_core import from_json, to_json

from paigeant.model.values.showing import CONTROLS
from paigeant.telemetry.color import wants_color
from paigeant.telemetry.logs import STEPS
from paigeant.telemetry.step_context import current_step_fields

FRAMES: Final = 32
"""Frames of a traceback that are shown: the innermost."""

TRACEBACK: Final = 16 * 1024
"""Characters of a traceback that are shown: the last."""

_OF_EVERY_RECORD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""Attributes that are no ``extra``; the last two are left there by formatters of other handlers."""

_SUPERFLUOUS: Final = ("alembic",)
"""Loggers whose information is none to whoever runs a worker; their warnings are."""


class StderrHandler(logging.Handler):
    """Writes to whatever ``sys.stderr`` is at the moment; a line that cannot be formatted is written as it may be."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001  (an error of a log line must not become a line of another format)
            record.msg, record.args = f"{record.msg!r} with {record.args!r} cannot be formatted: {error}", ()
            record.exc_info = None
            text = self.format(record)
        try:
            _write(text)
        except UnicodeEncodeError:
            _write(text.encode("ascii", "backslashreplace").decode())
        except (OSError, ValueError):  # nobody reads it any more
            return


def _write(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def configure(log_format: str = "console", level: str = "INFO") -> None:
    """Send all logs to stderr, as JSON lines or for a person at a console. May be called again."""
    handler = StderrHandler()
    handler.setFormatter(_formatter(log_format))
    root = logging.getLogger()
    root.handlers = [other for other in root.handlers if not isinstance(other, StderrHandler)] + [handler]
    root.setLevel(logging.getLevelNamesMapping()[level.upper()])
    for name in _SUPERFLUOUS:
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.WARNING)
    _let_structlog_pass()
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable


def _formatter(log_format: str) -> logging.Formatter:
    console = structlog.dev.ConsoleRenderer(
        colors=wants_color(sys.stderr), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )
    rendering: list[Any] = (
        [structlog.processors.JSONRenderer(serializer=_as_json)] if log_format == "json" else [_make_visible, console]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_add_fields],
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_step,
            _take_kept_traceback,
            structlog.processors.ExceptionRenderer(_traceback_of),
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *rendering,
        ],
    )


def _let_structlog_pass() -> None:
    """Let what is logged with structlog go through ``logging``, where it is filtered and formatted as all else."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _add_fields(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add what was given as ``extra``: all of the record that is not of every record."""
    record: logging.LogRecord = event["_record"]
    event.update((name, value) for name, value in vars(record).items() if name not in _OF_EVERY_RECORD)
    return event


def _add_step(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the ids of the step in which the line was logged, where it does not say them itself."""
    for name, value in current_step_fields().items():
        event.setdefault(name, value)
    return event


def _take_kept_traceback(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Show of a failed step the traceback that is kept with it, as ``show --traceback`` does, not one of our frames."""
    if event.get("logger") != STEPS.name or "traceback" not in event:
        return event
    event["exception"] = event.pop("traceback")
    event.pop("exc_info", None)
    return event


def _make_visible(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Make control characters visible: what a value holds must not steer the terminal."""
    for name, value in event.items():
        event[name] = value.translate(CONTROLS) if isinstance(value, str) else value
    return event


def _traceback_of(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    text = "".join(traceback.format_exception(exc_info[1], limit=-FRAMES)).rstrip()
    return text if len(text) <= TRACEBACK else f"…{text[-TRACEBACK:]}"


def _as_json(event: Any, **_: Any) -> str:
    try:
        return _json_of(event)
    except ValueError:  # of a value that refers to itself, or bytes that are no text
        return to_json({_text(name): _writable(value) for name, value in event.items()}).decode()


def _json_of(value: Any) -> str:
    return to_json(value, fallback=repr, inf_nan_mode="strings").decode()


def _writable(value: Any) -> Any:
    """Return the value as JSON text can hold it: itself, or how it is shown."""
    try:
        return from_json(_json_of(value))
    except ValueError:
        return _text(value)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text.encode(errors="backslashreplace").decode()


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logging.getLogger("paigeant").critical("uncaught %s", kind.__name__, exc_info=(kind, error, trace))


def _log_uncaught_in_thread(raised: threading.ExceptHookArgs) -> None:
    if raised.exc_value is not None and not isinstance(raised.exc_value, SystemExit):
        name = raised.thread.name if raised.thread else "a thread"
        logging.getLogger("paigeant").error("uncaught in %s", name, exc_info=raised.exc_value)


def _log_unraisable(raised: Any) -> None:
    text = raised.err_msg or "an error that could not be raised"
    logging.getLogger("paigeant").error("%s: %r", text, raised.object, exc_info=raised.exc_value)
