"""The committer: what finishes while a transaction is under way goes together in the next one.

No timer and no minimum: an idle worker commits at once, a busy one hundreds of hops a transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Final, Self

from paigeant.abc import StateStore, Transport
from paigeant.errors import Unavailable
from paigeant.model.hops import Commit, Settled, Verdict
from paigeant.model.runs import StepStatus

BATCH: Final = 256
"""Hops in one transaction, at most."""

AGAIN: Final = 0.2
"""Seconds between attempts while the store is away."""


@dataclass(slots=True)
class _Waiting:
    commit: Commit
    answer: asyncio.Future[Settled]
    good_until: Callable[[], float]


class Committer:
    """Commits hops in groups and announces what follows. One for each worker, used as ``async with``."""

    def __init__(
        self,
        store: StateStore,
        transport: Transport | None,
        lease: timedelta,
        trouble: Callable[[str, BaseException], None],
    ) -> None:
        """Write to ``store``, publish to ``transport`` if there is one, report what is tried again to ``trouble``."""
        self._store = store
        self._transport = transport
        self._lease = lease
        self._trouble = trouble
        self._queue: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._publishing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Start."""
        self._loop = asyncio.create_task(self._run(), name="paigeant-committer")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; nobody may be waiting for an answer any more."""
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
        for task in self._publishing:
            task.cancel()
        await asyncio.gather(*self._publishing, return_exceptions=True)

    async def commit(self, commit: Commit, good_until: Callable[[], float]) -> Settled:
        """Return what the store made of it; while the store is away it is asked again until the lease ends.

        ``good_until`` tells, by the monotonic clock, how long the lease is good. Past it the answer is ``FENCED``.
        Raises what the store raises for this commit alone.
        """
        answer: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(commit, answer, good_until))
        self._wake.set()
        return await answer

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                group, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                await self._write(group)

    async def _write(self, group: list[_Waiting]) -> None:
        try:
            answers = await self._store.record_step_result([w.commit for w in group], self._lease)
        except Unavailable as error:
            await self._again(group, error)
        except Exception as error:  # noqa: BLE001  (it goes to whoever waits)
            if len(group) > 1:
                for waiting in group:
                    await self._write([waiting])
            elif not group[0].answer.done():
                group[0].answer.set_exception(error)
        else:
            for waiting, answer in zip(group, answers, strict=True):
                self._settle(waiting, answer)

    async def _again(self, group: list[_Waiting], error: Unavailable) -> None:
        self._trouble("committing", error)
        now = monotonic()
        for waiting in group:
            if waiting.good_until() <= now:
                waiting.answer.set_result(Settled(Verdict.FENCED))
        self._queue = [w for w in group if not w.answer.done()] + self._queue
        await asyncio.sleep(AGAIN)

    def _settle(self, waiting: _Waiting, answer: Settled) -> None:
        if not waiting.answer.done():
            waiting.answer.set_result(answer)
        twin = waiting.commit.twin
        done = answer.verdict in {Verdict.OK, Verdict.ALREADY}
        left = waiting.commit.transition.status not in {StepStatus.RETRYING, StepStatus.WAITING}
        if self._transport is not None and twin is not None and done and left and answer.handed_over is None:
            task = asyncio.create_task(self._publish(self._transport, waiting.commit))
            self._publishing.add(task)
            task.add_done_callback(self._publishing.discard)

    async def _publish(self, transport: Transport, commit: Commit) -> None:
        """Announce the next hop; a failure is only reported, for the sweeper announces it again."""
        if commit.twin is None:
            return
        try:
            async with asyncio.timeout(10):
                await transport.publish(commit.twin.topic, commit.twin.sealed)
        except Exception as error:  # noqa: BLE001
            self._trouble(f"announcing {commit.twin.key.message_id}", error)
