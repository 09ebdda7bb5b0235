"""Whether anything was committed, by this process or another: ``PRAGMA data_version``, looked at while somebody waits.

A look costs a few microseconds and takes no lock; it rises with every commit of any other connection to the file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_EAGER: Final = 0.01
_PATIENT: Final = 0.1
"""Seconds between two looks: just after a change, and when nothing has happened for a second or so."""


class Changes:
    """A number that rises with changes, and those who wait for it to rise. Belongs to one event loop."""

    def __init__(self, look: Callable[[], int]) -> None:
        """Learn of commits by what ``look`` returns."""
        self.count = 0
        self._look = look
        self._seen = look()
        self._waiters: set[asyncio.Future[None]] = set()
        self._watching: asyncio.Task[None] | None = None

    def note(self) -> None:
        """Something was committed: wake everybody."""
        self.count += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, seen: int, timeout: float) -> None:
        """Return when the number is not ``seen``, or after ``timeout`` seconds."""
        self._check()
        if self.count != seen or timeout <= 0:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="paigeant-changes")
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            return
        finally:
            self._waiters.discard(waiter)

    async def close(self) -> None:
        """Watch no longer, and wake who still waits."""
        self.note()
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self) -> None:
        delay = _EAGER
        try:
            while self._waiters:
                await asyncio.sleep(delay)
                delay = _EAGER if self._check() else min(delay * 1.1, _PATIENT)
        finally:
            self._watching = None

    def _check(self) -> bool:
        version = self._look()
        if version == self._seen:
            return False
        self._seen = version
        self.note()
        return True
