"""An event loop that is a die: what is ready goes on in random order, and the time is made up.

When nothing is ready the clock jumps to the next timer. Everything belongs to somebody, a worker or nobody, as a
context variable says; what belongs to one can be stopped for a while, or for ever.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio.events import _set_running_loop
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, Final

WHO: Final[ContextVar[str]] = ContextVar("who", default="")
"""Whose work this is; tasks inherit it."""


class Numbered:
    """Hashed by a number, not by an address: sets of them have the same order in each run of a seed."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class SeededFuture(Numbered, asyncio.Future):  # type: ignore[type-arg]
    """A future of the seeded loop."""


class SeededTask(Numbered, asyncio.Task):  # type: ignore[type-arg]
    """A task of the seeded loop; ``who`` is whose."""

    who = ""


class SeededLoop(asyncio.AbstractEventLoop):
    """Runs callbacks in an order drawn from ``dice``; ``errors`` is what nobody caught."""

    def __init__(self, dice: Random) -> None:
        self.steps = 0
        self.tasks: dict[SeededTask, None] = {}
        self.errors: list[str] = []
        self.dead: set[str] = set()
        self._chance = dice.random
        self._now = 0.0
        self._made = 0
        self._ready: list[asyncio.Handle] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._stalled: defaultdict[str, list[asyncio.Handle]] = defaultdict(list)
        self._stalls: dict[str, float] = {}

    # -- what happens to somebody

    def kill(self, who: str) -> None:
        """Nothing of this one's is run any more: not even what was to be done finally."""
        self.dead.add(who)

    def stall(self, who: str, seconds: float) -> None:
        """Nothing of this one's is run for so long; then everything is, late."""
        self._stalls[who] = self._now + seconds
        self.call_later(seconds, self._wake, who, context=Context())

    def _wake(self, who: str) -> None:
        if self._stalls.get(who, self._now) <= self._now:
            self._stalls.pop(who, None)
            self._ready += self._stalled.pop(who, [])

    # -- running

    def run(self, main: Coroutine[Any, Any, None], limit: int) -> None:
        """Run until ``main`` has ended; raises AssertionError if that takes more than ``limit`` callbacks."""
        _set_running_loop(self)
        try:
            task = self.create_task(main)
            while not task.done():
                assert self.steps < limit, f"no end after {limit:,} callbacks: something runs in circles"
                self._step()
            task.result()
        finally:
            _set_running_loop(None)

    def close(self) -> None:
        """Let everything that is left end, the dead too, so that nothing is collected while it is pending."""
        _set_running_loop(self)
        try:
            self.dead.clear()
            self._stalls.clear()
            for _ in range(20):
                for stalled in self._stalled.values():
                    self._ready += stalled
                self._stalled.clear()
                for task in [*self.tasks]:
                    task.cancel()
                while self._ready:
                    self._step()
                if not self.tasks:
                    return
            raise AssertionError(f"tasks that nothing can end: {[*self.tasks]}")
        finally:
            _set_running_loop(None)

    def _step(self) -> None:
        ready = self._ready
        while not ready:
            self._next_timer()
        if len(ready) > 1:
            number = int(self._chance() * len(ready))
            ready[number], ready[-1] = ready[-1], ready[number]
        handle = ready.pop()
        if handle._cancelled:  # type: ignore[attr-defined]
            return
        who = handle._context.get(WHO, "")  # type: ignore[attr-defined]
        if who in self.dead or who in self._stalls:
            self._stalled[who].append(handle)  # also of the dead: what is collected would run its finally
        else:
            self.steps += 1
            handle._run()

    def _next_timer(self) -> None:
        """Go to the moment of the next timer, and make all of that moment ready."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:  # type: ignore[attr-defined]
            heapq.heappop(timers)
        assert timers, "nothing is ready and no timer is set: everybody waits for everybody"
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(timers)[2])

    # -- what asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context or copy_context())
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context or copy_context())
        self._made += 1
        heapq.heappush(self._timers, (when, self._made, handle))
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_future(self) -> SeededFuture:
        future = SeededFuture(loop=self)
        self._made += 1
        future.number = self._made
        return future

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> SeededTask:
        task = SeededTask(coro, loop=self, name=name, context=context)
        self._made += 1
        task.number, task.who = self._made, WHO.get()
        self.tasks[task] = None
        task.add_done_callback(self._ended, context=Context())
        return task

    def _ended(self, task: Any) -> None:
        self.tasks.pop(task, None)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is passed over when its moment comes."""

    def get_task_factory(self) -> None:
        """There is none: anyio asks, as it makes the tasks of an agent."""

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False
