"""Commits to a SQLite file, by any process: ``PRAGMA data_version``, looked at while somebody waits.

A look costs a few microseconds and takes no lock; the version rises with every commit of another connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from paigeant.aio.backoff import Backoff
from paigeant.aio.changes import Changes, News


class DataVersionPoller(Changes):
    """Changes that are looked for."""

    def __init__(self, look: Callable[[], int]) -> None:
        """Learn of commits by what ``look`` returns."""
        super().__init__()
        self._look = look
        self._seen = look()
        self._watching: asyncio.Task[None] | None = None

    def written(self, news: News, version: int | None) -> None:
        """This process has committed; ``version`` is what a look finds then, if nobody else has committed since."""
        if version is not None:
            self._seen = version
        self.note(news)

    async def _wait(self, wanted: News, timeout: float) -> None:
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="paigeant-watch")
        await super()._wait(wanted, timeout)

    async def close(self) -> None:
        """Look no longer, and wake who still waits."""
        await super().close()
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self) -> None:
        backoff = Backoff(0.01, 0.1, factor=1.1)  # often just after a change, seldom once nothing happens
        try:
            while True:
                await backoff.pause()
                if not self._waiters:
                    return
                if self._check():
                    backoff.reset()
        finally:
            self._watching = None

    def _check(self) -> bool:
        version = self._look()
        if version == self._seen:
            return False
        self._seen = version
        self.note()
        return True
