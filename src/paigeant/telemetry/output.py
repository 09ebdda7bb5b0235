"""Log output of a program: all lines of the process, in one format, by one writer thread.

For programs, such as ``paigeant run``; never for libraries. Lines of stdlib ``logging``, of structlog, of ``warnings``,
and of uncaught errors take the same path, and contain the ids of the step in which they were logged.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

from paigeant.activities.secrecy.held import holds_any, masked_value
from paigeant.errors import ConfigError
from paigeant.telemetry.color import wants_color
from paigeant.telemetry.lines import FIELDS, console_lines, each_alone, json_lines, line_of
from paigeant.telemetry.logs import LineHandler
from paigeant.telemetry.step_context import current_step_fields, has_step_fields, process_fields
from paigeant.telemetry.step_lines import Line, StepLine
from paigeant.telemetry.writer import FileOutput, LogWriter, Output, StreamOutput


class WriterHandler(LineHandler):
    """Passes each record, as a line with the ids of the present step, to writers, without blocking."""

    def __init__(self, writers: Sequence[LogWriter]) -> None:
        super().__init__()
        self._writers = writers

    @property
    def dropped(self) -> int:
        """Number of lost lines."""
        return sum(writer.dropped for writer in self._writers)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on one line. Its values are captured now, and rendered in the writer's thread."""
        line = _unspoken(line_of(record, process_fields() if has_step_fields(record) else current_step_fields()))
        for writer in self._writers:
            writer.put(line, record.levelno)

    def take(self, line: StepLine, level: int) -> None:
        """Pass on a step's line, which has the ids of its step; as it is, unless running steps hold secrets."""
        taken = _unspoken(line.fields()) if holds_any() else line
        for writer in self._writers:
            writer.put(taken, level)

    def flush(self) -> None:
        """Wait until all lines are written, 2 s at most."""
        for writer in self._writers:
            writer.flush()

    def close(self) -> None:
        """Write the rest, 2 s at most, and end the threads."""
        super().close()
        for writer in self._writers:
            writer.close()


def _unspoken(line: Line) -> Line:
    """Return a line without the secrets of running steps; here, since they may have ended when it is written."""
    return masked_value(line) if holds_any() else line


def configure(
    log_format: str = "console", level: str = "INFO", file: Path | None = None, more: Sequence[Output] = ()
) -> None:
    """Send all logs to stderr or a file, as JSON lines or for a person at a console, and to ``more`` outputs.

    It may be called again. Each output has a thread of its own. Raises ConfigError for a file that cannot be opened.
    """
    writers = [LogWriter(output) for output in (_output(log_format, file), *more)]
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, WriterHandler)]:
        root.removeHandler(handler)
        handler.close()
    root.addHandler(WriterHandler(writers))
    root.setLevel(logging.getLevelNamesMapping()[level.upper()])
    _let_structlog_pass()
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable


def _output(log_format: str, file: Path | None) -> Output:
    colors = file is None and wants_color(sys.stderr)
    render = json_lines if log_format == "json" else each_alone(console_lines(colors=colors))
    if file is None:
        return StreamOutput(render)
    try:
        return FileOutput(render, file)
    except OSError as error:
        raise ConfigError(f"PAIGEANT_LOG_FILE: {file} cannot be written: {error.strerror}") from error


def flush() -> None:
    """Wait until all lines so far are written, 2 s at most: before the process is ended at once."""
    for handler in _handlers():
        handler.flush()


def dropped_lines() -> int:
    """Return the number of lines lost because they were logged faster than written."""
    return sum(handler.dropped for handler in _handlers())


def _handlers() -> list[WriterHandler]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, WriterHandler)]


def _let_structlog_pass() -> None:
    """Route structlog through ``logging``, where its lines are filtered and formatted like all others."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            _as_record,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _as_record(_: Any, __: str, event: MutableMapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a record: its message and its fields, which may have any names."""
    arguments = {name: event.pop(name) for name in ("exc_info", "stack_info") if name in event}
    return (str(event.pop("event", "")),), {**arguments, "extra": {FIELDS: dict(event)}}


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
