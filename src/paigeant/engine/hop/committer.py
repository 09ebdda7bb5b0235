"""The committer: what finishes while a transaction is under way goes together in the next one.

No timer and no minimum: an idle worker commits at once, a busy one hundreds of hops a transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from paigeant.engine.publisher import announce
from paigeant.engine.runtime import Runtime
from paigeant.errors import Unavailable
from paigeant.model.hold import Now
from paigeant.model.hops import Commit, CommitResult, Grant, Verdict
from paigeant.model.message import HopKey

BATCH: Final = 256
"""Hops in one transaction, at most."""

BATCH_BYTES: Final = 4 * 1024 * 1024
"""Bytes of large values in one transaction, about, so that none takes longer than the store allows."""

BACKOFF: Final = (0.05, 1.0)
"""Seconds between attempts while the store is away: at first, doubling, and at most."""

LAST_WORDS: Final = 2.0
"""Seconds that announcements under way get when the committer stops; what they miss, a sweeper announces."""


class Answer(NamedTuple):
    """What the store made of a commit, and when it was asked: a lease that was handed over began after that."""

    settled: CommitResult
    asked_at: float


@dataclass(slots=True)
class _Waiting:
    commit: Commit
    good_until: Callable[[], float]
    answer: asyncio.Future[Answer]
    keep: Callable[[Grant, float], None] | None = None
    first_asked: float | None = None

    def settle(self, settled: CommitResult, asked_at: float) -> None:
        """Answer, unless nobody waits any more."""
        if settled.verdict is Verdict.ALREADY and self.first_asked is not None:
            asked_at = self.first_asked  # written by an attempt whose answer was lost, and leased since then
        if not self.answer.done():
            if settled.handed_over is not None and self.keep is not None:
                self.keep(settled.handed_over, asked_at)
            self.answer.set_result(Answer(settled, asked_at))

    def fail(self, error: Exception) -> None:
        """Raise the error where the answer is waited for, unless nobody waits any more."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Committer:
    """Commits hops in groups and announces what follows. One for each worker, used as ``async with``."""

    def __init__(self, runtime: Runtime) -> None:
        """Write to the store of ``runtime``, publish to its transport if there is one."""
        self._runtime = runtime
        self._queue: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._publishing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Start."""
        self._loop = asyncio.create_task(self._run(), name="paigeant-committer")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; whoever waits for an answer, now or later, is cancelled."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop
        for waiting in self._queue:
            waiting.answer.cancel()
        if self._publishing:
            await asyncio.wait(self._publishing, timeout=LAST_WORDS)
        for task in self._publishing:
            task.cancel()
        await asyncio.gather(*self._publishing, return_exceptions=True)

    async def commit(
        self, commit: Commit, good_until: Callable[[], float], keep: Callable[[Grant, float], None] | None = None
    ) -> Answer:
        """Return what the store made of it; while the store is away it is asked again until the lease ends.

        ``good_until`` tells, by the clock of the parts, how long the lease is good. Past it the answer is ``FENCED``.
        ``keep`` is called with a lease that was handed over, and when it was asked for, before anything else gets its
        turn in the event loop. Raises what the store raises for this commit alone.
        """
        waiting = _Waiting(commit, good_until, asyncio.get_running_loop().create_future(), keep)
        self._queue.append(waiting)
        self._wake.set()
        if self._loop is None:
            waiting.answer.cancel()
        return await waiting.answer

    async def _run(self) -> None:
        pause = BACKOFF[0]
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                away = await self._write(self._next_group())
                if away:
                    await asyncio.sleep(pause)
                pause = min(pause * 2, BACKOFF[1]) if away else BACKOFF[0]

    def _next_group(self) -> list[_Waiting]:
        """Take from the queue what goes together in one transaction: at least one, and not too much."""
        count = size = 0
        for waiting in self._queue[:BATCH]:
            size += sum(len(blob.json) for blob in waiting.commit.blobs)
            if count and size > BATCH_BYTES:
                break
            count += 1
        group, self._queue = self._queue[:count], self._queue[count:]
        return group

    async def _write(self, group: Sequence[_Waiting]) -> bool:
        """Commit a group; returns whether the store was away, so that it has to be asked again."""
        asked_at = self._runtime.clock()
        try:
            answers = await self._runtime.store.record_step_result([one.commit for one in group], self._runtime.lease)
            answers, asked_at = await self._still_held(answers, asked_at)
            for waiting, settled in zip(group, answers, strict=True):
                waiting.settle(settled, asked_at)
                self._announce(waiting.commit, settled)
        except Unavailable as error:
            self._put_back(group, error, asked_at)
            return True
        except Exception as error:  # noqa: BLE001  (it goes to whoever waits, and to nobody else)
            if len(group) == 1:
                group[0].fail(error)
                return False
            return any([await self._write([one]) for one in group])
        return False

    async def _still_held(self, answers: list[CommitResult], asked_at: float) -> tuple[list[CommitResult], float]:
        """Leave out of the answers what was handed over and came too late to be relied on."""
        grants = [settled.handed_over for settled in answers if settled.handed_over is not None]
        held, asked_at = await self._runtime.still_held(grants, asked_at)
        if len(held) == len(grants):
            return answers, asked_at
        keys = {None, *(grant.key for grant in held)}
        return [one if _key(one) in keys else one._replace(handed_over=None) for one in answers], asked_at

    def _put_back(self, group: Sequence[_Waiting], error: Unavailable, asked_at: float) -> None:
        """Keep what is not written yet for the next attempt; a lease that has ended meanwhile is given up."""
        self._runtime.trouble("committing", error)
        for waiting in group:
            waiting.first_asked = waiting.first_asked or asked_at
            if waiting.good_until() <= self._runtime.clock():
                waiting.settle(CommitResult(Verdict.FENCED), asked_at)
        self._queue = [waiting for waiting in group if not waiting.answer.done()] + self._queue

    def _announce(self, commit: Commit, settled: CommitResult) -> None:
        """Announce the next hops that are due and were not handed over; nobody waits for that."""
        written = settled.verdict in {Verdict.OK, Verdict.ALREADY}
        kept = _key(settled)
        due = [twin for twin in commit.twins if isinstance(twin.hold, Now) and twin.key != kept]
        if self._runtime.transport is None or not written or not due:
            return
        task = asyncio.create_task(announce(self._runtime, *due))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)


def _key(settled: CommitResult) -> HopKey | None:
    return None if settled.handed_over is None else settled.handed_over.key
