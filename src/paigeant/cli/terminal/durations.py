"""Durations on the command line; a number alone means seconds where seconds are expected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

import typer

from paigeant.model.values.durations import parse_duration, parse_seconds

T = TypeVar("T")

_LONGEST: Final = timedelta(days=36_600)


def duration(text: str) -> timedelta:
    """Parse a duration with a unit, since a number alone could mean seconds or days."""
    if text.isdecimal():
        raise typer.BadParameter(f"{text} lacks its unit: write {text}s, {text}m, {text}h or {text}d")
    span = _read(parse_duration, text)
    if span > _LONGEST:
        raise typer.BadParameter(f"{text!r} is more than a hundred years")
    return span


def seconds(text: str) -> float:
    """Parse seconds, with or without a unit."""
    return min(_read(parse_seconds, text), _LONGEST.total_seconds())


def _read(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
