"""Committer: group commit of hops. Hops that finish during a transaction are committed together in the next one.

There is no timer and no minimum: an idle worker commits at once, a busy one hundreds of hops in a transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from paigeant.aio.backoff import Backoff
from paigeant.aio.batch import Limits
from paigeant.engine.grants import still_held, undo_of, verifier_of
from paigeant.engine.hop.leases import ActiveLease, LeaseKeeper
from paigeant.engine.publisher import announce
from paigeant.engine.runtime import Runtime
from paigeant.errors import Unavailable
from paigeant.model.events import Committed as HopsCommitted
from paigeant.model.hops import Commit, CommitResult, Grant, Leased, Sealed, Verdict
from paigeant.model.message import HopKey
from paigeant.protocol.variables import left_by

BACKOFF: Final = (0.05, 1.0)
"""Backoff in seconds while the store is unavailable: first delay, doubled up to the last."""

LAST_WORDS: Final = 2.0
"""Seconds for announcements in progress when the committer stops; a sweeper announces the rest."""


_WRITTEN: Final = frozenset({Verdict.OK, Verdict.ALREADY})


class Committed(NamedTuple):
    """Result of a commit, with the lease of the hop that was handed over, or a hop that it freed."""

    result: CommitResult
    following: ActiveLease | None = None
    freed: Sealed | None = None


def _takes_none(sealed: Sealed) -> bool:
    del sealed
    return False


@dataclass(slots=True)
class _Waiting:
    commit: Commit
    good_until: Callable[[], float]
    answer: asyncio.Future[Committed]
    leased: Leased | None = None
    takes: Callable[[Sealed], bool] = _takes_none
    first_asked: float | None = None

    @property
    def size(self) -> int:
        """Size of its large values, and of the messages beyond the first next one, in bytes."""
        if not self.commit.blobs and len(self.commit.twins) <= 1:
            return 0
        return sum(len(blob.json) for blob in self.commit.blobs) + sum(len(one.body) for one in self.commit.twins[1:])

    def choose(self, result: CommitResult) -> Sealed | None:
        """Return the freed hop that is left to this caller, unless the caller got a hand-over."""
        if result.handed_over is not None or self.answer.done():
            return None
        return next((one for one in result.freed if self.takes(one)), None)

    def fail(self, error: Exception) -> None:
        """Raise the error in the waiting caller, if it still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)


GROUP_BYTES: Final = 4 * 1024 * 1024
"""Limit in bytes of large values in one transaction, so that none exceeds the store's timeout.
"""


class Committer:
    """Commits hops in groups and announces the next ones. One for each worker, used as ``async with``."""

    def __init__(self, runtime: Runtime, leases: LeaseKeeper) -> None:
        """Write to the store of ``runtime``, publish to its transport if there is one.

        Hops that are handed over are tracked by ``leases`` as soon as the answer is known.
        """
        self._runtime = runtime
        self._leases = leases
        self._limits = Limits(runtime.store.group_size, GROUP_BYTES, lambda waiting: waiting.size)
        self._queue: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        """Background tasks: announcements, and releases of leases."""

    async def __aenter__(self) -> Self:
        """Start."""
        self._loop = asyncio.create_task(self._run(), name="paigeant-committer")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; callers that wait for an answer, now or later, are cancelled."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop
        for waiting in self._queue:
            waiting.answer.cancel()
        if self._background:
            await asyncio.wait(self._background, timeout=LAST_WORDS)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def commit(
        self,
        commit: Commit,
        good_until: Callable[[], float],
        leased: Leased | None = None,
        takes: Callable[[Sealed], bool] = _takes_none,
    ) -> Committed:
        """Return the result of a commit; while the store is unavailable it is repeated until the lease ends.

        ``good_until`` returns the end of the lease, by the clock of the runtime. After that the answer is ``FENCED``.
        ``leased`` is the step, if it could be opened: its known variables, and those it sets, are passed to a step that
        is handed over, which then needs no query. The first freed hop that ``takes`` accepts is returned, not
        announced. Raises the store's errors for this commit alone.
        """
        waiting = _Waiting(commit, good_until, asyncio.get_running_loop().create_future(), leased, takes)
        self._queue.append(waiting)
        self._wake.set()
        if self._loop is None:
            waiting.answer.cancel()
        return await waiting.answer

    async def _run(self) -> None:
        backoff = Backoff(*BACKOFF)
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                if await self._write(self._next_group()):
                    await backoff.pause()
                else:
                    backoff.reset()

    def _next_group(self) -> list[_Waiting]:
        """Take the commits of the next transaction from the queue."""
        count = self._limits.next_batch(self._queue)
        group, self._queue = self._queue[:count], self._queue[count:]
        return group

    async def _write(self, group: Sequence[_Waiting]) -> bool:
        """Commit a group; returns True if the store was unavailable, so that it must be repeated."""
        asked_at = self._runtime.clock()
        try:
            answers = await self._runtime.store.record_step_result([one.commit for one in group], self._runtime.lease)
            if self._runtime.hooks.wants(HopsCommitted):
                seconds = self._runtime.clock() - asked_at
                self._runtime.report(HopsCommitted(self._runtime.owner, len(group), seconds))
            answers, asked_at = await self._still_held(answers, asked_at)
            for waiting, settled in zip(group, answers, strict=True):
                freed = waiting.choose(settled)
                self._settle(waiting, settled, asked_at, freed)
                self._announce(waiting, settled, freed)
        except Unavailable as error:
            self._put_back(group, error, asked_at)
            return True
        except Exception as error:  # noqa: BLE001  (it is raised in the callers)
            if len(group) == 1:
                group[0].fail(error)
                return False
            return any([await self._write([one]) for one in group])
        return False

    def _settle(self, waiting: _Waiting, result: CommitResult, asked_at: float, freed: Sealed | None = None) -> None:
        """Answer the caller, with the lease of the hop handed over; if the caller is gone that lease is released."""
        if result.verdict is Verdict.ALREADY and waiting.first_asked is not None:
            asked_at = waiting.first_asked  # an attempt whose answer was lost wrote it: the lease runs since then
        if waiting.leased is not None and result.verdict in _WRITTEN:
            # The codec need not verify the next hop here: it has just signed it.
            ended = waiting.commit.transition.end is not None
            self._runtime.codec.keep(waiting.leased, waiting.commit.record, ended=ended)
        grant = result.handed_over
        if not waiting.answer.done():
            following = None if grant is None else self._leases.track_lease(self._open(waiting, grant), asked_at)
            waiting.answer.set_result(Committed(result, following, freed))
        elif grant is not None:
            self._run_in_background(self._give_back(grant))

    def _open(self, waiting: _Waiting, grant: Grant) -> Leased:
        """Return the step that was handed over: its message was sealed here, and need not be parsed."""
        commit, known, left = waiting.commit, None, waiting.leased
        [message] = [message for message, _ in commit.transition.next if message.key == grant.key]
        if left is not None and left.variables is not None and not grant.edited:
            same = grant.key.path == commit.held.key.path
            known = {**left.variables, **left_by(left.message, commit.transition)} if same else None
        undo = undo_of(self._runtime, message.topic)
        signed: dict[str, Any] = {"verify": verifier_of(self._runtime), "custody": left and left.custody}
        return Leased(grant, message, undo, record=commit.record, variables=known, **signed)

    async def _give_back(self, grant: Grant) -> None:
        try:
            await self._runtime.store.release([grant.held])
        except Exception as error:  # noqa: BLE001  (its lease runs out)
            self._runtime.trouble(f"releasing {grant.key.message_id}; its lease will run out", error)

    def _run_in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _still_held(self, answers: list[CommitResult], asked_at: float) -> tuple[list[CommitResult], float]:
        """Remove from the answers hand-overs that arrived too late to be relied on."""
        grants = [settled.handed_over for settled in answers if settled.handed_over is not None]
        held, asked_at = await still_held(self._runtime, grants, asked_at)
        if len(held) == len(grants):
            return answers, asked_at
        keys = {None, *(grant.key for grant in held)}
        return [one if _key(one) in keys else one._replace(handed_over=None) for one in answers], asked_at

    def _put_back(self, group: Sequence[_Waiting], error: Unavailable, asked_at: float) -> None:
        """Put unwritten commits back for the next attempt; those whose lease has ended are answered as fenced."""
        self._runtime.trouble("committing", error)
        for waiting in group:
            waiting.first_asked = waiting.first_asked or asked_at
            if waiting.good_until() <= self._runtime.clock():
                self._settle(waiting, CommitResult(Verdict.FENCED), asked_at)
        self._queue = [waiting for waiting in group if not waiting.answer.done()] + self._queue

    def _announce(self, waiting: _Waiting, settled: CommitResult, left: Sealed | None) -> None:
        """Announce due next hops that were not handed over, and freed hops except the one ``left`` to the caller.

        Announcing runs in the background.
        """
        if self._runtime.transport is None or settled.verdict not in _WRITTEN:
            return
        kept = _key(settled)
        following = (twin.sealed for twin in waiting.commit.due if twin.key != kept)
        sealed = [*following, *(one for one in settled.freed if one is not left)]
        if sealed:
            self._run_in_background(announce(self._runtime, *sealed, after=waiting.leased))


def _key(settled: CommitResult) -> HopKey | None:
    return None if settled.handed_over is None else settled.handed_over.key
