"""Log lines of a step's start and end: their fields, and their JSON.

Each step writes both, so the step's thread only stores a few references. The writer's thread does the rest, and renders
the ids, which both lines share, once: building a dictionary for each line took a tenth of a step's time.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from time import time_ns
from typing import Any, Final, TypeAlias

from paigeant.model.hops import Leased
from paigeant.model.message import Headers

Line: TypeAlias = dict[str, Any]
"""Fields of a line; ``timestamp``, ``level``, ``event`` and ``logger`` are always present."""

STEPS: Final = logging.getLogger("paigeant.steps")

PROCESS: Final[dict[str, Any]] = {}
"""Fields of all lines of the process: the worker, and the namespace."""


def step_fields(leased: Leased) -> Line:
    """Return the fields that identify the step and its execution in each line."""
    return _ids(leased.message.headers, leased.message.topic, leased.grant.attempt)


def _ids(headers: Headers, step: str, attempt: int) -> Line:
    run = headers.run
    return {
        "trace_id": run.trace_id,
        "correlation_id": run.correlation,
        "workflow_id": run.id,
        "workflow": run.workflow,
        "step": step,
        "path": headers.path,
        "position": headers.position,
        "direction": headers.direction.value,
        "attempt": attempt,
    }


CommonTexts: TypeAlias = dict[tuple[int, int], str | None]
"""JSON that both lines of a step share, by the attempt and the ``id()`` of its headers, which the lines keep alive."""

_IDS: Final = re.compile(r"[0-9a-f./-]*")
_NAMES: Final = re.compile(r"(?!.*(?:sk[-_]|pgt_|ghp_|xox|eyJ))[\w.-]*", re.ASCII)
"""Texts that need no escape in JSON and cannot be a secret: most ids and names."""


class StepLine:
    """Line of a step without anything unusual.

    Of the step's message it holds the headers only, since ten thousand lines may wait to be written.
    """

    __slots__ = ("_at", "_attempt", "_event", "_headers", "_level", "_more", "_step", "_worker")

    def __init__(self, leased: Leased, worker: str, level: int, event: str, more: Line) -> None:
        """Record the time and the event; ``more`` are fields besides those of all lines of steps."""
        message = leased.message
        self._at = time_ns()
        self._level = level
        self._event = event
        self._worker = worker
        self._headers = message.headers
        self._step = message.topic
        self._attempt = leased.grant.attempt
        if "traceback" in more:
            more["exception"] = more.pop("traceback")
        self._more = more

    def fields(self) -> Line:
        """Return the line as a dictionary, in the form of other lines."""
        return {
            "timestamp": timestamp(self._at),
            "level": level_name(self._level),
            "event": self._event,
            "logger": STEPS.name,
            **PROCESS,
            "worker": self._worker,
            **_ids(self._headers, self._step, self._attempt),
            **self._more,
        }

    def json(self, texts: CommonTexts) -> str | None:
        """Return the line as JSON; ``texts`` is a cache for all lines that are written together.

        None if it contains more than ids and plain names, which cannot be secrets: such a line must be searched for
        secrets.
        """
        key = (id(self._headers), self._attempt)
        if (common := texts.get(key, "")) == "":
            common = texts[key] = self._common()
        if common is None or (more := _simple(self._more)) is None:
            return None
        head = f'{{"timestamp":"{timestamp(self._at)}","level":"{level_name(self._level)}","event":"{self._event}"'
        return f'{head},"logger":"{STEPS.name}",{common}{more}}}'

    def _common(self) -> str | None:
        """Return the JSON that both lines of a step share; None if it must be searched for secrets."""
        headers, run = self._headers, self._headers.run
        names = _names(PROCESS.get("namespace"), self._worker, run.workflow, self._step)
        if names is None or _IDS.fullmatch(f"{run.trace_id}{run.correlation}{headers.path}") is None:
            return None
        ids = f'"trace_id":"{run.trace_id}","correlation_id":"{run.correlation}","workflow_id":"{run.id}"'
        place = f'"path":"{headers.path}","position":{headers.position},"direction":"{headers.direction.value}"'
        return f'{names[0]},{ids},{names[1]},{place},"attempt":{self._attempt}'


def _simple(more: Line) -> str | None:
    """Return the JSON of the usual fields of a step's end; None if there are others."""
    match len(more):
        case 0:
            return ""
        case 2:
            return f',"status":"{more["status"]}","duration_ms":{more["duration_ms"]}'
        case 3 if "run" in more:
            return f',"status":"{more["status"]}","duration_ms":{more["duration_ms"]},"run":"{more["run"]}"'
        case _:
            return None


@lru_cache(maxsize=1024)
def _names(namespace: str | None, worker: str, workflow: str, step: str) -> tuple[str, str] | None:
    """Return the names as JSON, those of the process and those of the step; None if they are not plain."""
    if _NAMES.fullmatch(f"{namespace or ''}{worker}{workflow}{step}") is None:
        return None
    process = "" if namespace is None else f'"namespace":"{namespace}",'
    return f'{process}"worker":"{worker}"', f'"workflow":"{workflow}","step":"{step}"'


AnyLine: TypeAlias = Line | StepLine


def as_fields(lines: Iterable[AnyLine]) -> Iterator[Line]:
    """Return lines as dictionaries."""
    return (line.fields() if isinstance(line, StepLine) else line for line in lines)


def timestamp(at: int) -> str:
    """Return a time, in nanoseconds since 1970, in the form of log lines: in UTC, with microseconds."""
    seconds, rest = divmod(at, 1_000_000_000)
    return f"{_whole(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=8)
def _whole(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:-6]


_LEVELS: Final[Mapping[int, str]] = {
    level: name.lower() for name, level in logging.getLevelNamesMapping().items() if name not in {"WARN", "FATAL"}
}


def level_name(level: int) -> str:
    """Return a level in the form of log lines: its name in lower case."""
    return _LEVELS.get(level) or logging.getLevelName(level).lower()
