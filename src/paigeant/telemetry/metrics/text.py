"""Prometheus's text format, version 0.0.4: names with underscores, seconds, ``_total``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from paigeant.telemetry.metrics.instruments import Counter, Gauge, Histogram, Instrument, Labels

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_UNITS: Final = {"s": "_seconds"}
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def prometheus_text(instruments: Iterable[Instrument], more: Mapping[str, str] | None = None) -> str:
    """Return all values of all instruments; ``more`` are additional labels for each."""
    return "".join(f"{line}\n" for each in instruments for line in _lines(each, dict(more or {})))


def _lines(each: Instrument, more: Mapping[str, str]) -> Iterator[str]:
    match each:
        case Counter():
            name, kind = f"{_name(each.name)}_total", "counter"
        case Histogram():
            name, kind = _name(each.name) + _UNITS.get(each.unit, ""), "histogram"
        case Gauge():
            name, kind = _name(each.name) + _UNITS.get(each.unit, ""), "gauge"
    yield f"# HELP {name} {each.help_text}"
    yield f"# TYPE {name} {kind}"
    if isinstance(each, Histogram):
        yield from _histogram(name, each, more)
        return
    for labels, value in sorted(each.values().items()):
        yield f"{name}{_labels(each.labels, labels, more)} {_number(value)}"


def _histogram(name: str, each: Histogram, more: Mapping[str, str]) -> Iterator[str]:
    for labels, value in sorted(each.values().items(), key=lambda item: item[0]):
        below = 0
        counts = list(value.counts)
        for bound, count in zip((*map(_number, each.bounds), "+Inf"), counts, strict=True):
            below += count
            yield f"{name}_bucket{_labels((*each.labels, 'le'), (*labels, bound), more)} {below}"
        yield f"{name}_sum{_labels(each.labels, labels, more)} {_number(value.total)}"
        yield f"{name}_count{_labels(each.labels, labels, more)} {below}"


def _name(name: str) -> str:
    return name.replace(".", "_")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _labels(names: Sequence[str], values: Labels, more: Mapping[str, str]) -> str:
    pairs = [*more.items(), *zip(names, values, strict=True)]
    said = ",".join(f'{name.replace(".", "_")}="{value.translate(_ESCAPES)}"' for name, value in pairs)
    return f"{{{said}}}" if said else ""
