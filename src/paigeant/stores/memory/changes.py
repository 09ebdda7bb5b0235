"""Wake-ups without loss: what happened is a number that rises, and who waits for it has read it before."""

from __future__ import annotations

import asyncio


class Changes:
    """Counts what was written and wakes those who wait for it.

    There is no await between reading the number and joining the waiters, so no change falls in between.
    """

    def __init__(self) -> None:
        self.count = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def note(self) -> None:
        """Something was written: wake everybody."""
        self.count += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, seen: int, timeout: float) -> None:
        """Return when the number is not ``seen``, at once if it is not now, or after ``timeout`` seconds."""
        if self.count != seen:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            return
        finally:
            self._waiters.discard(waiter)
