"""Detection of commits to a SQLite file, by any process: ``PRAGMA data_version``, polled while callers wait.

A poll costs a few microseconds and takes no lock; the version rises with every commit of another connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from paigeant.aio.backoff import Backoff
from paigeant.aio.changes import Changes, News


class DataVersionPoller(Changes):
    """Changes, detected by polling."""

    def __init__(self, look: Callable[[], int]) -> None:
        """Detect commits with the version that ``look`` returns."""
        super().__init__()
        self._look = look
        self._seen = look()
        self._watching: asyncio.Task[None] | None = None

    def written(self, news: News, version: int | None) -> None:
        """Note a commit of this process; ``version`` is the one after it, if nobody else has committed since."""
        if version is not None:
            self._seen = version
        self.note(news)

    async def _wait(self, wanted: News, timeout: float) -> None:
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="paigeant-watch")
        await super()._wait(wanted, timeout)

    async def close(self) -> None:
        """Stop polling, and wake the callers that still wait."""
        await super().close()
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self) -> None:
        backoff = Backoff(0.01, 0.1, factor=1.1)  # frequent after a change, rare when idle
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
