"""Groups: what is asked for while a transaction is under way goes together into the next one.

There is no timer and no minimum, so that an idle group answers at once and a busy one pays one transaction for many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from paigeant.errors import Unavailable

Q = TypeVar("Q")

_LARGEST: Final = 64
"""Pieces of work in one transaction, at most."""


@dataclass(slots=True)
class _Job(Generic[Q]):
    question: Q
    answer: asyncio.Future[Any]

    def settle(self, result: Any) -> None:
        if not self.answer.done():
            self.answer.set_result(result)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Batcher(Generic[Q]):
    """Answers questions in groups. One that makes its group fail is asked again alone, as are those beside it."""

    def __init__(self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[Any]]], *, abreast: int = 1) -> None:
        """Let ``answer`` answer a group, in order; at most ``abreast`` groups are under way at a time."""
        self._answer = answer
        self._free = abreast
        self._jobs: list[_Job[Q]] = []
        self._busy: set[asyncio.Task[None]] = set()
        self._closed = False

    async def ask(self, question: Q) -> Any:
        """Return the answer; raises what answering raises, and Unavailable once closed."""
        if self._closed:
            raise Unavailable("the store is closed")
        job = _Job(question, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        if self._free:
            self._free -= 1
            task = asyncio.create_task(self._work())
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
        return await job.answer

    async def close(self) -> None:
        """Answer what was asked, and nothing more."""
        self._closed = True
        if self._busy:
            await asyncio.wait(self._busy)

    async def _work(self) -> None:
        while self._jobs:
            group, self._jobs = self._jobs[:_LARGEST], self._jobs[_LARGEST:]
            await self._settle(group)
        self._free += 1  # with no await since the last look, so that no question falls in between

    async def _settle(self, group: list[_Job[Q]]) -> None:
        try:
            results = await self._answer([job.question for job in group])
        except Exception as error:  # noqa: BLE001  (it goes to whoever waits)
            if len(group) > 1 and not isinstance(error, Unavailable):
                for job in group:
                    await self._settle([job])
                return
            for job in group:
                job.fail(error)
        else:
            for job, result in zip(group, results, strict=True):
                job.settle(result)
