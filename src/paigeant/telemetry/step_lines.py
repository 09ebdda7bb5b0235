"""Lines of the start and the end of a step, which every step writes: what they are made of, and their JSON.

Where a step has written its lines they are a few references. The rest is done in the writer's thread, and the ids of a
step, which both of its lines have, are made text once: a dictionary a line took as long as a tenth of a step.
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
"""A line as its keys and values; ``timestamp``, ``level``, ``event`` and ``logger`` are always there."""

STEPS: Final = logging.getLogger("paigeant.steps")

PROCESS: Final[dict[str, Any]] = {}
"""What is the same in all lines of the process: the worker, and the namespace."""


def step_fields(leased: Leased) -> Line:
    """Return what says in each line which execution of which step it is about."""
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
"""What both lines of a step have in common, by the identity of its headers, which they keep alive, and the attempt."""

_IDS: Final = re.compile(r"[0-9a-f./-]*")
_NAMES: Final = re.compile(r"(?!.*(?:sk[-_]|pgt_|ghp_|xox|eyJ))[\w.-]*", re.ASCII)
"""Texts that JSON holds as they are, and that nobody could take for a secret: most ids and names."""


class StepLine:
    """A line of a step that nothing unusual has happened to.

    It holds nothing of the step's message but its headers: ten thousand lines may wait to be written.
    """

    __slots__ = ("_at", "_attempt", "_event", "_headers", "_level", "_more", "_step", "_worker")

    def __init__(self, leased: Leased, worker: str, level: int, event: str, more: Line) -> None:
        """Take down what has just happened; ``more`` are fields beside those of all lines of steps."""
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
        """Return the line as other lines are."""
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
        """Return the line as JSON; ``texts`` are for all lines that are written together.

        None if there is more to it than ids and plain names, which no secret can be: it must be looked at.
        """
        key = (id(self._headers), self._attempt)
        if (common := texts.get(key, "")) == "":
            common = texts[key] = self._common()
        if common is None or (more := _simple(self._more)) is None:
            return None
        head = f'{{"timestamp":"{timestamp(self._at)}","level":"{level_name(self._level)}","event":"{self._event}"'
        return f'{head},"logger":"{STEPS.name}",{common}{more}}}'

    def _common(self) -> str | None:
        """Return what the JSON of both lines of a step has in common, None if it must be looked at."""
        headers, run = self._headers, self._headers.run
        names = _names(PROCESS.get("namespace"), self._worker, run.workflow, self._step)
        if names is None or _IDS.fullmatch(f"{run.trace_id}{run.correlation}{headers.path}") is None:
            return None
        ids = f'"trace_id":"{run.trace_id}","correlation_id":"{run.correlation}","workflow_id":"{run.id}"'
        place = f'"path":"{headers.path}","position":{headers.position},"direction":"{headers.direction.value}"'
        return f'{names[0]},{ids},{names[1]},{place},"attempt":{self._attempt}'


def _simple(more: Line) -> str | None:
    """Return the JSON of the fields that the end of each step has, None if there are others."""
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
    """Return names as JSON, those of the process and those of the step; None if they are not plain."""
    if _NAMES.fullmatch(f"{namespace or ''}{worker}{workflow}{step}") is None:
        return None
    process = "" if namespace is None else f'"namespace":"{namespace}",'
    return f'{process}"worker":"{worker}"', f'"workflow":"{workflow}","step":"{step}"'


AnyLine: TypeAlias = Line | StepLine


def as_fields(lines: Iterable[AnyLine]) -> Iterator[Line]:
    """Return lines as their keys and values."""
    return (line.fields() if isinstance(line, StepLine) else line for line in lines)


def timestamp(at: int) -> str:
    """Return a time, in nanoseconds since 1970, as lines have it: in UTC, with microseconds."""
    seconds, rest = divmod(at, 1_000_000_000)
    return f"{_whole(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=8)
def _whole(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:-6]


_LEVELS: Final[Mapping[int, str]] = {
    level: name.lower() for name, level in logging.getLevelNamesMapping().items() if name not in {"WARN", "FATAL"}
}


def level_name(level: int) -> str:
    """Return a level as lines have it."""
    return _LEVELS.get(level) or logging.getLevelName(level).lower()
