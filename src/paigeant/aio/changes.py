"""Change counter: tasks wait for the next commit, and are woken by it."""

from __future__ import annotations

import asyncio
from enum import IntEnum


class News(IntEnum):
    """Kinds of commits for waiting callers."""

    NOTHING = 0
    CHANGE = 1
    """Readable data has changed: for callers that wait for the end of a run, or show it."""
    WORK = 2
    """A step may be due, now or at another time than before: also for intakes."""


class Changes:
    """Change counters: ``count`` rises with each commit, ``work`` with those that may have made a step due.

    Commits of a worker that hands steps over to itself therefore do not wake its own intake. Callers pass the number
    that they have seen, so that a commit between a read and the wait is not missed. Belongs to one event loop.
    """

    @property
    def floor(self) -> float:
        """Seconds after which waiting callers should poll, even without a change."""
        return 10.0

    def __init__(self) -> None:
        """Start at 0."""
        self.count: int = 0
        self.work: int = 0
        self._waiters: dict[asyncio.Future[None], News] = {}

    def note(self, news: News = News.WORK) -> None:
        """Note a commit: wake all callers concerned."""
        if news is News.NOTHING:
            return
        self.count += 1
        self.work += news is News.WORK
        for waiter, wanted in self._waiters.items():
            if news >= wanted and not waiter.done():
                waiter.set_result(None)

    async def wait(self, seen: int, timeout: float) -> int:
        """Return :attr:`count` once it is not ``seen``, or after ``timeout`` seconds."""
        if self.count == seen:
            await self._wait(News.CHANGE, timeout)
        return self.count

    async def wait_for_work(self, seen: int, timeout: float) -> None:
        """Return once :attr:`work` is not ``seen``, or after ``timeout`` seconds."""
        if self.work == seen:
            await self._wait(News.WORK, timeout)

    async def _wait(self, wanted: News, timeout: float) -> None:
        if timeout <= 0:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = wanted
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            pass
        finally:
            del self._waiters[waiter]

    async def close(self) -> None:
        """Wake the callers that still wait."""
        self.note()
