"""Change counter: tasks wait for the next commit, and are woken by it."""

from __future__ import annotations

import asyncio


class Changes:
    """Change counter: ``count`` rises with each commit, and wakes the tasks that wait for it to rise.

    Whoever waits says which number it has seen, so that a commit between its look and its wait is not slept through.
    Belongs to one event loop.
    """

    @property
    def floor(self) -> float:
        """Seconds after which who waits should look, whether or not a change was heard of."""
        return 10.0

    def __init__(self) -> None:
        """Start at 0."""
        self.count = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def note(self) -> None:
        """Something was committed: wake everybody."""
        self.count += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, seen: int, timeout: float) -> int:
        """Return the number once it is not ``seen``, or after ``timeout`` seconds."""
        if self.count != seen or timeout <= 0:
            return self.count
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            pass
        finally:
            self._waiters.discard(waiter)
        return self.count

    async def close(self) -> None:
        """Wake who still waits."""
        self.note()
