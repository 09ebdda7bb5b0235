"""Stored log lines, and filters of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID


class LogLine(NamedTuple):
    """Stored line; ``id`` rises in the order of writing, ``fields`` are the whole line, ``level`` is a number."""

    id: int
    at: datetime
    level: int
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Filter of lines: those of a namespace that match all fields, and of these the newest ``limit``.

    With the id of a line as ``after``, the first ``limit`` lines behind it, so that paging leaves none out.
    """

    namespace: str
    workflow_id: UUID | None = None
    correlation_id: str | None = None
    step: str | None = None
    level: int = 0
    since: datetime | None = None
    after: int | None = None
    limit: int = 1000
