"""Holds: what a hop waits for before it may be executed, and the reason that is shown meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from paigeant.model.runs import WaitReason


@dataclass(frozen=True, slots=True)
class Now:
    """Nothing: the hop is due at once."""

    reason: None = None


@dataclass(frozen=True, slots=True)
class After:
    """A delay, counted by the store's clock from the moment at which it is written."""

    seconds: float
    reason: str = WaitReason.SLEEP


@dataclass(frozen=True, slots=True)
class Until:
    """A moment of the store's clock."""

    at: datetime
    reason: str = WaitReason.SLEEP


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal of this name, sent to the run; or ``timeout`` seconds, counted as by :class:`After`.

    ``shown`` is what is shown meanwhile, by default the signal's name.
    """

    name: str
    timeout: float | None = None
    shown: str | None = None

    @property
    def reason(self) -> str:
        """What is shown while the hop waits."""
        return self.shown or f"{WaitReason.SIGNAL} {self.name}"


@dataclass(frozen=True, slots=True)
class Join:
    """Its branches: it is due when more of them may be written, and when the last has ended."""

    reason: str = WaitReason.JOIN


@dataclass(frozen=True, slots=True)
class Window:
    """A place among the branches that are under way at a time."""

    reason: str = WaitReason.WINDOW


@dataclass(frozen=True, slots=True)
class Child:
    """The end of the run that the hop, a node, has begun."""

    reason: str = WaitReason.CHILD


@dataclass(frozen=True, slots=True)
class Code:
    """A worker whose code fits the ``interface`` that the step was dispatched against.

    ``reason`` says what does not fit.
    """

    interface: str
    reason: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person who looks at it and resumes the run."""

    reason: str = WaitReason.PARKED


class WaitState(StrEnum):
    """How far the wait of a node has come: a hop that begins one is held with it, and leaves when leased again."""

    OPEN = "open"
    """It goes on."""
    OVER = "over"
    """Its time was up, so that the hop was leased."""
    MET = "met"
    """Its signal has come."""
    JOIN = "join"
    """It has branches, and stays until all of them have ended."""
    CHILD = "child"
    """It has begun a run of another workflow, and stays until that has ended."""
    WINDOW = "window"
    """It is the first hop of a branch that has not begun: as many as may be under way are."""


Hold: TypeAlias = Now | After | Until | Signal | Join | Window | Child | Code | Person


NOW: Final = Now()
"""Due at once, as most hops are."""


def due_at(hold: Hold, now: datetime) -> datetime | None:
    """Return when a hop that is held from ``now`` on is due by itself, None if something else must happen first."""
    match hold:
        case Now():
            return now
        case After(seconds):
            return now + timedelta(seconds=seconds)
        case Until(at):
            return at
        case Signal(timeout=seconds) if seconds is not None:
            return now + timedelta(seconds=seconds)
        case Signal() | Join() | Window() | Child() | Code() | Person():
            return None


class Taker(NamedTuple):
    """Who asks for a hop that is about to be written, and for how long it is to be leased to them."""

    owner: str
    lease: timedelta
