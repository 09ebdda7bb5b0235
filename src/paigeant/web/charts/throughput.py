"""Chart of throughput: the runs that ended in the last hour, a column for each minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from paigeant.model.runs import RunStatus
from paigeant.model.stored.overview import COUNTED, EndCount

SPAN: Final = timedelta(hours=1)
"""Time that the chart shows, until now."""

HEIGHT: Final = 100.0
"""Units of the drawing; a column is one unit wide."""

_MINUTES: Final = int(SPAN.total_seconds() // 60) + 1


class Column(NamedTuple):
    """One minute: heights of the runs that completed, from below, and of all others on top of them."""

    x: int
    completed: float
    others: float
    title: str


class Throughput(NamedTuple):
    """Columns, the number of runs that completed and of the others, and whether older ones are not counted."""

    columns: list[Column]
    minutes: int
    most: int
    completed: int
    others: int
    cut: bool


def throughput_of(ends: Iterable[EndCount]) -> Throughput:
    """Return the chart of the runs that ended in the last hour."""
    completed, others, of_status = Counter[datetime](), Counter[datetime](), Counter[RunStatus]()
    for end in ends:
        (completed if end.status is RunStatus.COMPLETED else others)[end.minute] += end.count
        of_status[end.status] += end.count
    first = (datetime.now(UTC) - SPAN).replace(second=0, microsecond=0)
    most = max((completed + others).values(), default=0)
    columns = [
        _column(minute, first, completed[minute], others[minute], HEIGHT / most)
        for minute in sorted(completed.keys() | others.keys())
        if minute >= first
    ]
    cut = max(of_status.values(), default=0) >= COUNTED
    return Throughput(columns, _MINUTES, most, completed.total(), others.total(), cut)


def _column(minute: datetime, first: datetime, completed: int, others: int, unit: float) -> Column:
    title = f"{minute:%H:%M} UTC: {completed:,} completed, {others:,} ended otherwise"
    x = min(int((minute - first).total_seconds() // 60), _MINUTES - 1)
    return Column(x, round(completed * unit, 2), round(others * unit, 2), title)
