"""Process locks: living workers of this machine, each with a file that is locked as long as its process lives.

The kernel releases a lock when its holder dies, however it dies, so that dead workers are detected at once and without
a clock (flock(2)). The files are in a folder next to the database, which is on a local disk.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import Final
from weakref import WeakSet

from paigeant.errors import Unavailable

_SUFFIX: Final = ".lock"

_LOOKS: Final = 100
"""Attempts to lock an own file, 10 ms apart: others take its lock briefly, to test it."""


_INSTANCES: Final[WeakSet[ProcessLocks]] = WeakSet()


@cache
def _give_up_in_children() -> None:
    """Make sure, once, that a forked process keeps none of its parent's locks.

    A lock belongs to the open file, which a fork inherits: a child that goes on, as in multiprocessing, would keep a
    dead worker alive until the child ends. Closing the child's descriptor does not release the parent's lock.
    """
    os.register_at_fork(after_in_child=lambda: [each.close() for each in _INSTANCES])


class ProcessLocks:
    """Workers of one database, as this process holds and sees them."""

    def __init__(self, database: Path) -> None:
        """Keep the locks next to this database file."""
        self._folder = database.with_name(f"{database.name}.workers")
        self._held: dict[str, int | None] = {}
        _INSTANCES.add(self)
        _give_up_in_children()

    def prepare(self) -> None:
        """Create the folder; raises OSError."""
        self._folder.mkdir(exist_ok=True)

    @contextmanager
    def alone(self, doing: str, *, patience: float) -> Generator[None]:
        """Hold an exclusive lock for this task; raises Unavailable if another process keeps it for this long."""
        descriptor = os.open(self._folder / doing, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        end = monotonic() + patience
        try:
            while not _locked(descriptor):
                if monotonic() >= end:
                    raise Unavailable(
                        f"another process has been {doing} the database for {patience:g} s; is it stopped?"
                    )
                sleep(0.02)
            yield
        finally:
            os.close(descriptor)

    def mark_alive(self, owner: str) -> None:
        """Mark this owner as alive, until :meth:`close` or the end of the process."""
        if owner not in self._held:
            path = self._folder / f"{owner}{_SUFFIX}"
            tries = (self._lock(path) or sleep(0.01) for _ in range(_LOOKS))
            self._held[owner] = next((descriptor for descriptor in tries if descriptor is not None), None)

    def dead(self) -> list[str]:
        """Return the owners whose processes have ended; they are returned again until :meth:`forget`."""
        found: list[str] = []
        with os.scandir(self._folder) as files:
            names = [file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX)]
        for owner in names:
            if owner in self._held:
                continue
            descriptor = self._lock(self._folder / f"{owner}{_SUFFIX}", create=False)
            if descriptor is not None:
                self._held[owner] = descriptor  # until it is forgotten, so that no other process does the same
                found.append(owner)
        return found

    def gone(self) -> set[str]:
        """Return the owners whose processes have ended, without changing anything."""
        found: set[str] = set()
        with suppress(FileNotFoundError), os.scandir(self._folder) as files:
            for file in files:
                owner = file.name.removesuffix(_SUFFIX)
                if not file.name.endswith(_SUFFIX) or owner in self._held:
                    continue
                descriptor = self._lock(Path(file.path), create=False)
                if descriptor is not None:
                    found.add(owner)
                    os.close(descriptor)
        return found

    def forget(self, owner: str, *, done: bool) -> None:
        """Forget a dead owner permanently, or, if its leases could not be ended, only for now."""
        if done:
            with suppress(FileNotFoundError):
                (self._folder / f"{owner}{_SUFFIX}").unlink()
        self._close(self._held.pop(owner, None))

    def close(self) -> None:
        """Mark all owners of this process as gone; other processes end remaining leases."""
        for descriptor in self._held.values():
            self._close(descriptor)
        self._held.clear()

    def _lock(self, path: Path, *, create: bool = True) -> int | None:
        """Return a descriptor that holds the lock of this file, None if another has it or the file does not exist."""
        while True:
            flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
            try:
                descriptor = os.open(path, flags, 0o644)
            except FileNotFoundError:
                return None
            if not _locked(descriptor):
                os.close(descriptor)
                return None
            if _is_at(descriptor, path):
                return descriptor
            os.close(descriptor)  # another process deleted the file between opening and locking

    @staticmethod
    def _close(descriptor: int | None) -> None:
        if descriptor is not None:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Try to lock the file; returns True on success."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
