"""Heartbeats of a running step: progress reported by its code, and the watch for silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, Self, TypeVar

from paigeant.activities.secrecy.held import HeldSecrets, masked_json
from paigeant.activities.shapes import serialise
from paigeant.engine.custody.recorded import StepNotes
from paigeant.model.limits import DETAIL_BYTES
from paigeant.model.values.shapes import ANYTHING
from paigeant.model.values.values import Value

T = TypeVar("T")


class Progress:
    """Written by a step's code in any thread, read by the event loop and the heart; no method blocks."""

    def __init__(self, step: str, clock: Callable[[], float] = monotonic) -> None:
        """Start without reports, for the step of this name; ``clock`` is that of the runtime."""
        self._step: Final = step
        self.clock: Final = clock
        self._over = False
        self.begun: bool = False
        """True if the step's code may have run."""
        self.beaten_at: float = 0.0
        """Time of the step's last heartbeat, by ``clock``."""
        self.unsent: bytes | None = None
        """Latest details, until the store has them."""
        self.lost: bool = False
        """True if the step's lease is lost."""
        self.in_thread: bool = False
        """True while its code runs in a thread, where a blocked event loop does not stop it."""
        self.secrets: HeldSecrets = HeldSecrets()
        """Secrets that the step holds."""
        self.saved: dict[str, Value] = {}
        """Variables that the step has set while it ran: cached values of them may be stale."""
        self.notes: StepNotes = StepNotes()
        """Calls and charges that it has recorded."""

    def __enter__(self) -> Self:
        """Mark the step's code as running."""
        self.begun, self.beaten_at = True, self.clock()
        return self

    def __exit__(self, *_: object) -> None:
        """Mark the step as over; its thread may still run."""
        self._over = True

    def beat(self, detail: Any = None) -> None:
        """Record a heartbeat, see :meth:`paigeant.ActivityContext.heartbeat`."""
        self.require_running()
        self.beaten_at = self.clock()
        if detail is not None:  # serialised at once: the caller may change it later, and must get the error
            said = serialise(ANYTHING, detail, f"step {self._step!r}: heartbeat detail", DETAIL_BYTES)
            self.unsent = masked_json(said)

    def require_running(self) -> None:
        """Raise CancelledError once the step is over, so that its code ends."""
        if self._over:
            raise self.ended()

    def ended(self) -> asyncio.CancelledError:
        """Return the error that ends code whose step is over, or whose lease is lost."""
        return asyncio.CancelledError(
            f"step {self._step!r} is over: it was cut short, and nothing that it does now counts"
        )

    def sent(self, detail: bytes | None) -> None:
        """Mark this detail as stored; a newer one is sent with the next heartbeat."""
        if self.unsent is detail:
            self.unsent = None

    def threaded(self, function: Callable[[], T]) -> T:
        """Call the function, in a thread."""
        self.in_thread = True
        try:
            return function()
        finally:
            self.in_thread = False


class SilenceWatch:
    """Expires a timeout early when a step has sent no heartbeat for too long.

    It is a timer that checks once in that time, so that heartbeats are cheap at any rate. Time for which the event loop
    was blocked does not count: a coroutine had no chance to send one.
    """

    def __init__(self, limit: asyncio.Timeout, progress: Progress, seconds: float | None) -> None:
        """Watch ``progress`` within ``limit``; without ``seconds`` do nothing."""
        self._limit = limit
        self._progress = progress
        self._seconds = seconds
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.broken: bool = False
        """True if a missing heartbeat ended the timeout."""

    async def __aenter__(self) -> Self:
        """Watch from now on."""
        if self._seconds is not None:
            self._look_in(self._seconds)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()

    def _look_in(self, seconds: float) -> None:
        self._due = self._progress.clock() + seconds
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        now = self._progress.clock()
        stood_still = max(now - self._due, 0.0)
        left = self._progress.beaten_at + (self._seconds or 0.0) + stood_still - now
        if left > 0:
            self._look_in(left)
        elif not self._limit.expired():
            self.broken = True
            self._limit.reschedule(asyncio.get_running_loop().time())
