"""Log output of a program: every line that it writes, whoever logged it, in one format, by one writer thread.

For programs, as ``paigeant run``; never for libraries. Lines of stdlib ``logging``, of structlog, of ``warnings``, and
of errors that nobody caught take the same way, and carry the ids of the step in which they were logged.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import structlog

from paigeant.activities.secrecy.held import holds_any, masked_value
from paigeant.errors import ConfigError
from paigeant.telemetry.color import wants_color
from paigeant.telemetry.lines import FIELDS, console_lines, each_alone, json_lines, line_of
from paigeant.telemetry.logs import LineHandler
from paigeant.telemetry.step_context import current_step_fields, has_step_fields, process_fields
from paigeant.telemetry.step_lines import Line, StepLine
from paigeant.telemetry.writer import FileOutput, LogWriter, Output, StreamOutput

_SUPERFLUOUS: Final = ("alembic",)
"""Loggers whose information is none to whoever runs a worker; their warnings are."""


class WriterHandler(LineHandler):
    """Hands each record, as a line with the ids of the step at hand, to writers; the caller waits for none of them."""

    def __init__(self, writers: Sequence[LogWriter]) -> None:
        super().__init__()
        self._writers = writers

    @property
    def dropped(self) -> int:
        """Lines that were lost."""
        return sum(writer.dropped for writer in self._writers)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand over one line. What it holds is taken as it is now; it is shown in the writer's thread."""
        line = _unspoken(line_of(record, process_fields() if has_step_fields(record) else current_step_fields()))
        for writer in self._writers:
            writer.put(line, record.levelno)

    def take(self, line: StepLine, level: int) -> None:
        """Hand over a line that says itself of which step it is; shown as it is, unless steps hold secrets."""
        taken = _unspoken(line.fields()) if holds_any() else line
        for writer in self._writers:
            writer.put(taken, level)

    def flush(self) -> None:
        """Wait until all is written, 2 s at most."""
        for writer in self._writers:
            writer.flush()

    def close(self) -> None:
        """Write what is left, 2 s at most, and end the threads."""
        super().close()
        for writer in self._writers:
            writer.close()


def _unspoken(line: Line) -> Line:
    """Return a line without the secrets that running steps hold; here, for they may be over when it is written."""
    return masked_value(line) if holds_any() else line


def configure(
    log_format: str = "console", level: str = "INFO", file: Path | None = None, more: Sequence[Output] = ()
) -> None:
    """Send all logs to stderr or a file, as JSON lines or for a person at a console, and to ``more`` outputs.

    May be called again. Each output has a thread of its own. Raises ConfigError for a file that cannot be opened.
    """
    writers = [LogWriter(output) for output in (_output(log_format, file), *more)]
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, WriterHandler)]:
        root.removeHandler(handler)
        handler.close()
    root.addHandler(WriterHandler(writers))
    root.setLevel(logging.getLevelNamesMapping()[level.upper()])
    for name in _SUPERFLUOUS:
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.WARNING)
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
    """Return how many lines were lost, as they came faster than they could be written."""
    return sum(handler.dropped for handler in _handlers())


def _handlers() -> list[WriterHandler]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, WriterHandler)]


def _let_structlog_pass() -> None:
    """Let what is logged with structlog go through ``logging``, where it is filtered and formatted as all else."""
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
    """Return what the record is made of: its message and its fields, which may have any names."""
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
