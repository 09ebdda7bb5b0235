"""Spans of time as people write them: ``30d``, ``12h``, ``1d12h``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import typer

_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PART: Final = re.compile(r"(\d{1,9})([wdhms])", re.ASCII)
_LONGEST: Final = timedelta(days=36_600)


def duration(text: str) -> timedelta:
    """Return the span of time that a text names."""
    parts = _PART.findall(text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
        raise typer.BadParameter(f"{text!r} is no span of time; write 30d, 12h, 45m or 1d12h (w, d, h, m, s)")
    try:
        span = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        span = timedelta.max
    if span > _LONGEST:
        raise typer.BadParameter(f"{text!r} is more than a hundred years")
    return span
