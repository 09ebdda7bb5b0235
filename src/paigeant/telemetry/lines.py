"""Log lines: from a record of ``logging`` to one line of text, as JSON or for a person at a console.

No value can break out of its line or control a terminal: control characters and those that change the writing direction
are escaped. Secrets are masked: fields by their names, passwords in URLs and tokens by their form.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, cast

import structlog
from pydantic_core import from_json

from paigeant.model.values.json_text import to_json
from paigeant.model.values.showing import CONTROLS
from paigeant.plugins import redacted
from paigeant.telemetry.secret_names import counts_tokens, is_secret
from paigeant.telemetry.step_lines import STEPS, AnyLine, CommonTexts, Line, StepLine, as_fields, timestamp

FIELDS: Final = "paigeant_fields"
"""Attribute of a record with structlog's key-value pairs."""

FRAMES: Final = 32
"""Number of shown frames of a traceback: the innermost."""

TRACEBACK: Final = 16 * 1024
"""Number of shown characters of a traceback: the last."""

_OF_EVERY_RECORD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", FIELDS}
"""Attributes that are not ``extra``; some are left by formatters of other handlers."""

MASK: Final = "***"
_TOKEN: Final = re.compile(
    r"(?i:(bearer|basic)\s+)[\w.~+/=-]{8,}|\b(?:sk|pgt|ghp|xox[abp])[-_][\w-]{16,}|\beyJ[\w-]{10,}\.[\w.-]+"
)
_HINTS: Final = ("://", "earer", "BEARER", "asic ", "sk-", "sk_", "pgt_", "ghp_", "xox", "eyJ")
"""Each URL, and each match of ``_TOKEN``, contains one of these; searching for them costs a tenth."""

_FLAT: Final = frozenset({str, int, float, bool, type(None)})
"""Types of values without nested ones."""

_BEYOND_ASCII: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters that are valid in JSON text, and must not be written to a terminal."""


_COLUMNS: Final = frozenset({"timestamp", "level", "event", "logger"})
_OF_FEW_LINES: Final = frozenset({"exception", "stack", "exc_info", "logger_name"})
_LEVEL: Final = len("exception")
"""Width to which structlog pads levels."""

_QUOTED: Final = re.compile("[ \t=\r\n\"']")
"""Characters for which a text is quoted."""


def line_of(record: logging.LogRecord, context: Mapping[str, Any]) -> Line:
    """Return the line of a record; ``context`` are the ids of the present step; the record's own fields override them.

    A message that cannot be formatted is shown unformatted, with the error: no line is lost.
    """
    try:
        text = record.getMessage()
    except Exception as error:  # noqa: BLE001  (of whoever logged)
        text = f"{record.msg!r} with {record.args!r} cannot be formatted: {error}"
    line: Line = {
        "timestamp": timestamp(int(record.created * 1_000_000_000)),
        "level": record.levelname.lower(),
        "event": text,
        "logger": record.name,
    }
    own = vars(record)
    line |= {name: value for name, value in own.items() if name not in _OF_EVERY_RECORD}
    line |= own.get(FIELDS, {})
    for name, value in context.items():
        line.setdefault(name, value)
    _add_traceback(line, record)
    return line


def _add_traceback(line: Line, record: logging.LogRecord) -> None:
    """Show the stored traceback of a failed step, as ``show --traceback`` does, without our own frames."""
    if record.name == STEPS.name and "traceback" in line:
        line["exception"] = line.pop("traceback")
    elif record.exc_info and record.exc_info[1] is not None:
        line["exception"] = _traceback_of(record.exc_info)
    elif record.exc_text:
        line["exception"] = record.exc_text
    if record.stack_info:
        line["stack"] = record.stack_info


def _traceback_of(exc_info: Any) -> str:
    error = cast("tuple[type[BaseException], BaseException, TracebackType | None]", exc_info)[1]
    text = "".join(traceback.format_exception(error, limit=-FRAMES)).rstrip()
    return text if len(text) <= TRACEBACK else f"…{text[-TRACEBACK:]}"


def masked(line: Line) -> Line:
    """Return the line without secrets: fields with secret names, passwords in URLs, and tokens."""
    return {name: MASK if _is_masked(name, value) else _masked(value) for name, value in line.items()}


def _is_masked(name: str, value: Any) -> bool:
    return (
        bool(value)
        and value is not True
        and is_secret(name)
        and not (isinstance(value, int | float) and counts_tokens(name))
    )


def _masked(value: Any) -> Any:
    match value:
        case str():
            return mask_text(value)
        case dict():
            return masked({str(name): inner for name, inner in cast("dict[Any, Any]", value).items()})
        case list() | tuple():
            return [_masked(each) for each in cast("list[Any]", value)]
        case _:
            return value


def mask_text(text: str) -> str:
    """Return the text without the passwords of URLs and the tokens in it."""
    if "://" in text:
        text = redacted(text)
    return _TOKEN.sub(MASK, text) if any(hint in text for hint in _HINTS) else text


def each_alone(render: Callable[[Line], str]) -> Callable[[Sequence[AnyLine]], str]:
    """Return a renderer of several lines that renders each alone."""
    return lambda lines: "".join(f"{render(line)}\n" for line in as_fields(lines))


def json_lines(lines: Sequence[AnyLine]) -> str:
    """Return lines as JSON, each with its newline, in the form of :func:`json_line`."""
    common: CommonTexts = {}
    return "".join([f"{_line_of_any(line, common)}\n" for line in lines])


def _line_of_any(line: AnyLine, common: CommonTexts) -> str:
    if isinstance(line, StepLine):
        return line.json(common) or json_line(line.fields())
    return json_line(line)


def json_line(line: Line) -> str:
    """Return the line as JSON; values without a JSON form are written as text."""
    try:
        text = _json_of(line)
        if _may_hold_secrets(line, text):
            text = _json_of(masked(line))
    except (ValueError, RecursionError):  # a value that refers to itself, or bytes that are not text
        text = to_json({_text(name): _writable(value) for name, value in line.items()}).decode()
    if text.isascii() and "\x7f" not in text:
        return text
    return _BEYOND_ASCII.sub(lambda hit: f"\\u{ord(hit[0]):04x}", text)


def _may_hold_secrets(line: Line, text: str) -> bool:
    """True if each value of a line must be examined. Most lines need no examination, which would double their cost."""
    for hint in _HINTS:  # any() of a generator takes twice as long
        if hint in text:
            return True
    return not _FLAT.issuperset(map(type, line.values())) or _names_secret(tuple(line))


@lru_cache(maxsize=1024)
def _names_secret(names: tuple[str, ...]) -> bool:
    """True if one of the names is that of a secret; cached, since lines of one kind have the same names."""
    return any(map(is_secret, names))


def _json_of(value: Any) -> str:
    return to_json(value, fallback=repr, inf_nan_mode="strings").decode()


def _writable(value: Any) -> Any:
    """Return the JSON form of a value: itself, or its text."""
    try:
        return from_json(_json_of(_masked(value)))
    except (ValueError, RecursionError):
        return mask_text(_text(value))


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text.encode(errors="backslashreplace").decode()


def console_lines(*, colors: bool) -> Callable[[Line], str]:
    """Return the renderer of a line for a person."""
    console = structlog.dev.ConsoleRenderer(
        colors=colors, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )

    def render(line: Line) -> str:
        if not colors and (text := _simple(line)) is not None and not _may_hold_secrets(line, text):
            return text
        try:
            safe = masked(line)
        except RecursionError:
            safe = {name: _text(value) for name, value in line.items()}
        visible = {name: each.translate(CONTROLS) if isinstance(each, str) else each for name, each in safe.items()}
        return str(console(None, line["level"], visible))

    return render


def _simple(line: Line) -> str | None:
    """Return a line as structlog renders it, ten times as fast; None if it contains more than flat values."""
    if not _OF_FEW_LINES.isdisjoint(line):
        return None
    parts = [f"[{line['level']:<{_LEVEL}}]", line["event"], f"[{line['logger']}]" if "logger" in line else ""]
    if "timestamp" in line:
        parts.insert(0, line["timestamp"])
    for name in sorted(line):
        if name in _COLUMNS:
            continue
        value = line[name]
        if type(value) not in _FLAT:
            return None
        plain = isinstance(value, str) and _QUOTED.search(value) is None
        parts.append(f"{name}={value if plain else repr(value)}")
    printable = all(value.isprintable() for value in line.values() if isinstance(value, str))
    return " ".join(part for part in parts if part).rstrip(" ") if printable else None
