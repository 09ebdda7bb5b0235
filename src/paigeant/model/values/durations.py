"""Durations as people write them: seconds, a ``timedelta``, or text such as ``1h30m``, ``250ms`` or ``2 days``."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Annotated, Any, Final, TypeAlias

from pydantic import PlainValidator

from paigeant.model.limits import LONGEST
from paigeant.model.values.showing import shown

Duration: TypeAlias = float | timedelta | str
"""Forms of a duration."""

_UNITS: Final = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_WORDS: Final = {
    **{word: _UNITS[word[0]] for word in ("week", "day", "hour", "minute", "second")},
    "millisecond": _UNITS["ms"],
}
_COMPACT: Final = re.compile(r"(\d{1,9})(ms|[wdhms])", re.ASCII)
_SPELLED: Final = re.compile(rf"(\d{{1,9}}) ({'|'.join(_WORDS)})s?(?: |$)", re.ASCII)
_BARE: Final = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)

_SPELLED_UNITS: Final = 2

HOW: Final = "a number of seconds, a timedelta, or text as '30s', '1h30m', '250ms' or '2 days'"
"""Description of a duration, for errors."""


class TooLong(ValueError):
    """A valid duration beyond the limit."""


def parse_duration(text: str) -> timedelta:
    """Parse a duration; raises ValueError with the valid forms."""
    for pattern, units in ((_COMPACT, _UNITS), (_SPELLED, _WORDS)):
        parts = list(pattern.finditer(text))
        if parts and "".join(part[0] for part in parts) == text and not text.endswith(" "):
            return _sum(text, [(int(part[1]), units[part[2]]) for part in parts])
    raise ValueError(f"{text[:40]!r} is no span of time; write 30d, 12h, 45m or 1d12h, 30s, 250ms or '2 days'")


def parse_seconds(text: str) -> float:
    """Parse an external duration in seconds, where a number alone means seconds; raises ValueError."""
    return float(text) if _BARE.fullmatch(text) else parse_duration(text).total_seconds()


def spelled(duration: timedelta | float) -> str:
    """Return a duration as :func:`parse_duration` reads it, in its two largest units: ``1h30m``, ``2d``, ``250ms``."""
    left = round((duration.total_seconds() if isinstance(duration, timedelta) else duration) * 1000)
    parts: list[str] = []
    for unit, length in _UNITS.items():
        number, rest = divmod(left, round(length.total_seconds() * 1000))
        if number and len(parts) < _SPELLED_UNITS:
            parts.append(f"{number}{unit}")
            left = rest
    return "".join(parts) or "0s"


def seconds_of(duration: Any, *, longest: timedelta = LONGEST) -> float:
    """Return a duration in seconds; raises ValueError with the value and the valid forms.

    It is not negative, and at most ``longest``, by default ten years, which every calendar supports.
    """
    if isinstance(duration, bool) or not isinstance(duration, int | float | timedelta | str):
        raise ValueError(f"{shown(duration)} is no duration: it is {HOW}")  # noqa: TRY004  (pydantic wants this one)
    if isinstance(duration, str) and _BARE.fullmatch(duration):
        raise ValueError(f"{duration!r} is no duration: write {duration}, which is seconds, or '{duration}s'")
    span = parse_duration(duration) if isinstance(duration, str) else duration
    if isinstance(span, float) and not math.isfinite(span):
        raise ValueError(f"{span} is no duration: it is {HOW}")
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds < 0:
        raise ValueError(f"{shown(duration)} is less than nothing")
    if seconds > longest.total_seconds():
        raise TooLong(f"{shown(duration)} is too long; at most {longest.days} days are allowed")
    return float(seconds)


def _sum(text: str, parts: list[tuple[int, timedelta]]) -> timedelta:
    try:
        return sum((number * unit for number, unit in parts), timedelta())
    except OverflowError:
        raise TooLong(f"{text!r} is too long: no calendar goes so far") from None


def seconds_or_none(duration: Duration | None) -> float | None:
    """Return a duration in seconds, None if there is none."""
    return None if duration is None else seconds_of(duration)


def _positive(duration: Any) -> float | None:
    seconds = seconds_or_none(duration)
    if seconds == 0:
        raise ValueError("it should be more than nothing")
    return seconds


Delay: TypeAlias = Annotated[Duration, PlainValidator(seconds_of)]
"""A duration that may be 0; stored in seconds."""

Limit: TypeAlias = Annotated[Duration | None, PlainValidator(_positive)]
"""A duration above 0, or None; stored in seconds."""
