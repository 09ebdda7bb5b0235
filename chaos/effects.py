"""The effects log: what steps really did, one line each, written in one piece by whoever did it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple


class Effect(NamedTuple):
    """One execution of a step's code, under the lease with this ``fence``, in the process ``pid``."""

    run: str
    path: str
    position: int
    step: str
    step_id: str
    direction: str
    key: str
    fence: int
    attempt: int
    pid: int


class EffectsLog:
    """A file that survives its writers: appended to by one write each, so that a kill tears no line."""

    def __init__(self, path: Path) -> None:
        """Append to this file, or read it."""
        self._path = path
        self._descriptor: int | None = None

    def note(self, effect: Effect) -> None:
        """Write one line."""
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(self._descriptor, (json.dumps(effect) + "\n").encode())

    def read(self) -> list[Effect]:
        """Return all that was done."""
        if not self._path.exists():
            return []
        return [Effect(*json.loads(line)) for line in self._path.read_text().splitlines()]


class Onlookers:
    """Follows the effects log as it grows, to tell which processes have begun to work."""

    def __init__(self, path: Path) -> None:
        """Follow this file."""
        self._path = path
        self._read = 0
        self._pids: set[int] = set()

    def saw(self, pid: int) -> bool:
        """Tell whether this process has executed anything yet."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                whole, newline, _ = file.read().rpartition(b"\n")
            self._read += len(whole) + len(newline)
            self._pids |= {json.loads(line)[-1] for line in whole.splitlines()}
        return pid in self._pids
