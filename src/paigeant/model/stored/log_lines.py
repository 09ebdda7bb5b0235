"""Log lines as they are kept, and which of them are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID


class LogLine(NamedTuple):
    """One kept line; ``id`` rises in the order of writing, ``fields`` are the whole line, ``level`` is a number."""

    id: int
    at: datetime
    level: int
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines: those of a namespace that fit all that is said, and of these the newest ``limit``.

    With the id of a line as ``after``, the first ``limit`` behind it: page by page none is left out.
    """

    namespace: str
    workflow_id: UUID | None = None
    correlation_id: str | None = None
    step: str | None = None
    level: int = 0
    since: datetime | None = None
    after: int | None = None
    limit: int = 1000
