"""The crash points of a hop: between any two actions that somebody else can see, a process may be gone."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from time import sleep
from typing import Final, NamedTuple


class Point(NamedTuple):
    """A place to die: ``where`` it exists, and ``who`` dies there, one of the first ``within`` times it is reached."""

    name: str
    where: str = "always"
    who: str = "worker"
    within: int = 12


POINTS: Final = (
    Point("dispatch-not-recorded", who="dispatcher"),
    Point("dispatch-in-doubt", who="dispatcher"),
    Point("recorded-not-published", "broker", who="dispatcher"),
    Point("dispatch-confirm-lost", "broker", who="dispatcher"),
    Point("received-not-leased"),
    Point("lease-in-doubt"),
    Point("leased-not-acknowledged", "broker"),
    Point("leased-not-begun"),
    Point("acknowledged-not-begun", "broker", within=4),
    Point("renewal-in-doubt", within=2),
    Point("in-the-step"),
    Point("in-the-compensation", within=3),
    Point("finished-not-committed"),
    Point("commit-in-doubt"),
    Point("retry-in-doubt", within=2),
    Point("ending-in-doubt", within=4),
    Point("fan-out-in-doubt", within=3),
    Point("supply-in-doubt", within=2),
    Point("arrival-in-doubt"),
    Point("join-in-doubt", within=4),
    Point("freed-not-published", "broker", within=4),
    Point("child-in-doubt", within=1),
    Point("reserved-not-called", within=3),
    Point("call-made-not-recorded", within=4),
    Point("checkpoint-in-doubt", within=4),
    Point("parked-in-doubt", within=1),
    Point("answered-in-doubt", who="dispatcher", within=2),
    Point("signal-not-sent", who="dispatcher", within=4),
    Point("signal-in-doubt", who="dispatcher", within=4),
    Point("handed-over-not-begun", within=6),
    Point("committed-not-published", "broker", within=6),
    Point("published-confirm-lost", "broker", within=6),
    Point("due-not-published", "broker", who="heir", within=1),
    Point("stopping-not-released", who="stopping", within=1),
    Point("release-in-doubt", who="stopping", within=1),
    Point("reclaimed-not-taken-up", "sqlite", who="heir", within=1),
)
"""All of them, in the order of a run. ``due-not-published`` is the sweeper's: the next announcement is pushed away and
this one was not made. ``stopping`` are workers that were asked to end, an ``heir`` takes over from one that was killed.
Only SQLite knows the dead by their locks."""


class Deaths:
    """The log of who died where, written by the dying: it shows which points were reached, and proves nothing else."""

    def __init__(self, path: Path) -> None:
        """Append to this file."""
        self._path = path

    def note(self, name: str) -> None:
        """Write one line, whole."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(descriptor, f"{os.getpid()} {name}\n".encode())
        os.close(descriptor)

    def read(self) -> list[tuple[int, str]]:
        """Return process and point of each."""
        if not self._path.exists():
            return []
        lines = (line.split() for line in self._path.read_text().splitlines())
        return [(int(pid), name) for pid, name in lines]


class Points:
    """The points of one process, at most one of which is armed: there it dies, the n-th time it gets there.

    One that ``pauses`` is stopped there instead, once, and goes on from there when somebody lets it.
    """

    def __init__(self, deaths: Deaths, armed: str | None, at: int = 1, *, pauses: bool = False) -> None:
        """Die the ``at``-th time that the point ``armed`` is reached."""
        self._deaths = deaths
        self.armed = armed
        self._left = at
        self._pauses = pauses

    def reach(self, name: str) -> None:
        """Return, unless this is where this process dies: without a flush, without a finally."""
        if name != self.armed:
            return
        self._left -= 1
        if self._left > 0:
            return
        self._deaths.note(name)
        if not self._pauses:
            die()
        self.armed = None
        os.kill(os.getpid(), signal.SIGSTOP)


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
    while True:  # the signal is under way
        sleep(1)
