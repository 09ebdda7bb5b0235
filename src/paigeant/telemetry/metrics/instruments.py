"""Instruments: counters and histograms that one thread writes and others may read at any time.

Counting costs one dictionary lookup. Labels are bounded: values beyond the limit are ``other``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

Labels: TypeAlias = tuple[str, ...]

SECONDS: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    3600.0,
)
"""Bucket bounds of histograms of seconds."""

COUNTS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
"""Bucket bounds of histograms of numbers."""

OTHER: Final = "other"


class Bounded:
    """Passes a limited number of different values of a label; the rest are ``other``."""

    def __init__(self, limit: int) -> None:
        """Pass ``limit`` values."""
        self._limit = limit
        self._seen: set[str] = set()

    def __call__(self, value: str) -> str:
        """Return the value, or ``other``."""
        if value not in self._seen:
            if len(self._seen) >= self._limit:
                return OTHER
            self._seen.add(value)
        return value


class Count:
    """Present value of a counter for one combination of labels."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0.0


class Counter:
    """Number that only rises, for each combination of labels."""

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = ()) -> None:
        """Count under this name, with dots; ``labels`` are the names of the labels."""
        self.name: Final = name
        self.help_text: Final = help_text
        self.labels: Final = tuple(labels)
        self._counts: dict[Labels, Count] = {} if labels else {(): Count()}

    def of(self, *labels: str) -> Count:
        """Return the count of a combination of labels, to be kept by whoever counts often."""
        there = self._counts.get(labels)
        if there is None:
            there = self._counts[labels] = Count()
        return there

    def add(self, *labels: str, amount: float = 1.0) -> None:
        """Add this amount."""
        self.of(*labels).value += amount

    def reached(self, total: float) -> None:
        """Set the total of an external counter; without labels."""
        self._counts[()].value = total

    def values(self) -> Mapping[Labels, float]:
        """Return the counts, from any thread."""
        return {labels: count.value for labels, count in self._counts.copy().items()}


class HistogramValue:
    """State of one combination of labels: number of values below each bound, their count and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds: Sequence[float] = bounds
        self.counts: list[int] = [0] * (len(bounds) + 1)
        self.total: float = 0.0

    def record(self, value: float) -> None:
        """Record one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Histogram:
    """Distribution of a number, for each combination of labels."""

    def __init__(
        self,
        name: str,
        help_text: str,
        labels: Sequence[str] = (),
        *,
        unit: str = "s",
        bounds: Sequence[float] = SECONDS,
    ) -> None:
        """Measure under this name, with dots, in this unit."""
        self.name: Final = name
        self.help_text: Final = help_text
        self.labels: Final = tuple(labels)
        self.unit: Final = unit
        self.bounds: Final = tuple(bounds)
        self._values: dict[Labels, HistogramValue] = {}

    def of(self, *labels: str) -> HistogramValue:
        """Return what a combination of labels has come to, to be kept by whoever records often."""
        there = self._values.get(labels)
        if there is None:
            there = self._values[labels] = HistogramValue(self.bounds)
        return there

    def record(self, value: float, *labels: str) -> None:
        """Record one value."""
        self.of(*labels).record(value)

    def values(self) -> Mapping[Labels, HistogramValue]:
        """Return the recorded state, from any thread."""
        return self._values.copy()


class Gauge:
    """Present value of a number, for each combination of labels."""

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = (), unit: str = "") -> None:
        """Show it under this name, with dots."""
        self.name: Final = name
        self.help_text: Final = help_text
        self.labels: Final = tuple(labels)
        self.unit: Final = unit
        self._values: dict[Labels, float] = {}

    def set(self, values: Mapping[Labels, float]) -> None:
        """Set all values at once."""
        self._values = dict(values)

    def values(self) -> Mapping[Labels, float]:
        """Return the values, from any thread."""
        return self._values


Instrument: TypeAlias = Counter | Histogram | Gauge
