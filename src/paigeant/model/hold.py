"""Holds: conditions that a hop waits for before it may be executed, and the reason shown meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from paigeant.model.runs import WaitReason


@dataclass(frozen=True, slots=True)
class Now:
    """No condition: the hop is due at once."""

    reason: None = None


@dataclass(frozen=True, slots=True)
class After:
    """A delay, counted by the store's clock from the moment of writing."""

    seconds: float
    reason: str = WaitReason.SLEEP


@dataclass(frozen=True, slots=True)
class Until:
    """A time of the store's clock."""

    at: datetime
    reason: str = WaitReason.SLEEP


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal of this name, sent to the run; or ``timeout`` seconds, counted as by :class:`After`.

    ``shown`` is the reason shown meanwhile, by default with the signal's name.
    """

    name: str
    timeout: float | None = None
    shown: str | None = None

    @property
    def reason(self) -> str:
        """Reason shown while the hop waits."""
        return self.shown or f"{WaitReason.SIGNAL} {self.name}"


@dataclass(frozen=True, slots=True)
class Join:
    """Its branches: the hop is due when more of them may be written, and when the last has ended."""

    reason: str = WaitReason.JOIN


@dataclass(frozen=True, slots=True)
class Window:
    """A free place in the window of concurrent branches."""

    reason: str = WaitReason.WINDOW


@dataclass(frozen=True, slots=True)
class Child:
    """The end of the child run that the hop, a node, has begun."""

    reason: str = WaitReason.CHILD


@dataclass(frozen=True, slots=True)
class Code:
    """A worker whose code fits the ``interface`` at the step's dispatch.

    ``reason`` describes the mismatch.
    """

    interface: str
    reason: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person who inspects it and resumes the run."""

    reason: str = WaitReason.PARKED


class WaitState(StrEnum):
    """State of a node's wait: a hop that begins a wait is held, and leaves the wait when leased again."""

    OPEN = "open"
    """The wait goes on."""
    OVER = "over"
    """The wait timed out, and the hop was leased."""
    MET = "met"
    """Its signal has arrived."""
    JOIN = "join"
    """The node has branches, and stays until all of them have ended."""
    CHILD = "child"
    """The node has begun a child run, and stays until it has ended."""
    WINDOW = "window"
    """First hop of a branch that has not begun: the window of concurrent branches is full."""


Hold: TypeAlias = Now | After | Until | Signal | Join | Window | Child | Code | Person


NOW: Final = Now()
"""Due at once, as most hops are."""


def due_at(hold: Hold, now: datetime) -> datetime | None:
    """Return the time at which a hop held from ``now`` on is due by itself, None if it needs something else first."""
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
    """Owner that asks for a hop that is about to be written, and the length of the lease."""

    owner: str
    lease: timedelta
