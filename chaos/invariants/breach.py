"""A breach: an invariant that does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from chaos.history import History, Hop


class Breach(NamedTuple):
    """An invariant that does not hold: where, and why."""

    invariant: str
    text: str
    run: str | None = None


Checker = Callable[[History], Iterable[Breach]]


def place_of(hop: Hop) -> str:
    """Return how a hop's place is named to a person."""
    return f"position {hop.position}" + (f" of {hop.path}" if hop.path else "")
