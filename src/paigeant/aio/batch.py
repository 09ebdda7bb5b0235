"""Batching without a timer: questions that arrive during one batch go together in the next.

There is no minimum and no waiting, so that an idle batcher answers at once, and a busy one pays one round trip or one
transaction for many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from paigeant.aio.race import cancel
from paigeant.errors import Unavailable

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one batch: ``count`` questions, and approximately ``size`` in total, as measured by ``size_of``.

    A single question may be larger: it cannot be split.
    """

    count: int = 64
    size: int = 0
    size_of: Callable[[Any], int] | None = None

    def next_batch(self, waiting: Sequence[Any]) -> int:
        """Return the number of waiting questions, from the oldest, that go together."""
        if self.size_of is None:
            return min(len(waiting), self.count)
        size = 0
        for number, question in enumerate(waiting[: self.count]):
            size += self.size_of(question)
            if number and size > self.size:
                return number
        return min(len(waiting), self.count)


@dataclass(slots=True)
class Pending(Generic[Q, A]):
    """A question and the future of its answer, which may have been cancelled meanwhile."""

    question: Q
    answer: asyncio.Future[A]

    def settle(self, result: A | Exception) -> None:
        """Answer, or raise the error in the waiting caller."""
        if self.answer.done():
            return
        if isinstance(result, Exception):
            self.answer.set_exception(result)
            self.answer.exception()  # retrieved, or asyncio would warn that it was never retrieved
        else:
            self.answer.set_result(result)


_DEFAULT: Final = Limits()


class Batcher(Generic[Q, A]):
    """Answers questions in batches, in order. An answer that is an exception is raised for its question only.

    A question that makes its whole batch fail must not fail its neighbours: each is then repeated by itself, except
    after ``Unavailable``, which affects all of them.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Q]], Awaitable[Sequence[A | Exception]]],
        limits: Limits = _DEFAULT,
        *,
        abreast: int = 1,
        name: str = "store",
    ) -> None:
        """Let ``answer`` answer batches, ``abreast`` concurrently; the error after close says ``name``."""
        self._answer_batch = answer
        self._limits = limits
        self._free = abreast
        self._name = name
        self._waiting: list[Pending[Q, A]] = []
        self._busy: set[asyncio.Task[None]] = set()
        self._closed = False

    def add(self, question: Q) -> asyncio.Future[A]:
        """Ask, and return the future of the answer. A question without a waiting caller is answered too.

        Raises Unavailable once closed.
        """
        if self._closed:
            raise self._gone()
        pending = Pending(question, cast("asyncio.Future[A]", asyncio.get_running_loop().create_future()))
        self._waiting.append(pending)
        if self._free:
            self._free -= 1
            task = asyncio.create_task(self._work(), name=f"paigeant-{self._name}-batch")
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
        return pending.answer

    async def ask(self, question: Q) -> A:
        """Return the answer; raises errors of answering, and Unavailable once closed."""
        return await self.add(question)

    async def idle(self, within: float | None = None) -> None:
        """Return when all questions are answered, or after this many seconds."""
        if self._busy:
            await asyncio.wait(self._busy, timeout=within)

    async def close(self, within: float | None = None) -> None:
        """Answer pending questions, and accept no more; those that take longer than ``within`` are Unavailable."""
        self._closed = True
        try:
            await self.idle(within)
        finally:
            await cancel(self._busy)
            for pending in self._waiting:
                pending.settle(self._gone())

    def _each(self, batch: Sequence[Pending[Q, A]], answers: Sequence[A | Exception]) -> Sequence[A | Exception]:
        if len(answers) != len(batch):
            raise ValueError(f"{len(answers)} answers to {len(batch)} questions of a batch; each must have its own")
        return answers

    def _gone(self) -> Unavailable:
        return Unavailable(f"the {self._name} is closed")

    async def _work(self) -> None:
        try:
            while self._waiting:
                count = self._limits.next_batch([one.question for one in self._waiting[: self._limits.count]])
                batch, self._waiting = self._waiting[:count], self._waiting[count:]
                await self._settle(batch)
        finally:
            self._free += 1  # no await since the check, so that no question is missed

    async def _settle(self, batch: list[Pending[Q, A]]) -> None:
        results: Sequence[A | Exception] = [self._gone()] * len(batch)
        try:
            results = self._each(batch, await self._answer_batch([one.question for one in batch]))
        except Exception as error:  # noqa: BLE001  (it goes to whoever waits)
            if len(batch) > 1 and not isinstance(error, Unavailable):
                for one in batch:
                    await self._settle([one])
                return
            results = [error] * len(batch)
        finally:  # also when cancelled by close: no caller may wait for ever
            for one, result in zip(batch, results, strict=True):
                one.settle(result)
