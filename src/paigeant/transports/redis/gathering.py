"""Gathering: what is asked for while a round trip is under way goes together in the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from paigeant.errors import Unavailable

MOST: Final = 256
"""Things done in one round trip, at most."""

LARGE: Final = 1024 * 1024
"""Bytes in one round trip, about."""

Item = TypeVar("Item")
Do = Callable[[Sequence[Item]], Awaitable[Sequence[Exception | None]]]


class Gathering(Generic[Item]):
    """Does many things of one kind at once, without a timer and a minimum: a single one does not wait."""

    def __init__(self, do: Do[Item], size: Callable[[Item], int]) -> None:
        """``do`` returns an error, or None, for each thing of a round trip; what it raises, it raises for all."""
        self._do, self._size = do, size
        self._waiting: list[tuple[Item, asyncio.Future[None]]] = []
        self._group: list[tuple[Item, asyncio.Future[None]]] = []
        self._loop: asyncio.Task[None] | None = None

    async def ask(self, item: Item) -> None:
        """Return when it is done, or raise why it was not. It is done even if nobody waits any more."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._loop is None:
            self._loop = asyncio.create_task(self._run(), name="paigeant-redis")
        await answer

    async def close(self, within: float) -> None:
        """Give what is asked for so many seconds to be done."""
        loop = self._loop
        if loop is not None:
            await asyncio.wait([loop], timeout=within)
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while self._waiting:
                self._group = self._next_group()
                try:
                    errors = await self._do([item for item, _ in self._group])
                except Exception as error:  # noqa: BLE001  (it goes to those who wait)
                    errors = [error] * len(self._group)
                self._answer(errors)
        finally:
            self._loop = None
            self._group += self._waiting
            self._waiting = []
            self._answer([Unavailable("the transport was closed")] * len(self._group))

    def _answer(self, errors: Sequence[Exception | None]) -> None:
        for (_, answer), error in zip(self._group, errors, strict=True):
            if answer.done():  # whoever asked has given up
                continue
            if error is None:
                answer.set_result(None)
            else:
                answer.set_exception(error)
        self._group = []

    def _next_group(self) -> list[tuple[Item, asyncio.Future[None]]]:
        count = size = 0
        for item, _ in self._waiting[:MOST]:
            size += self._size(item)
            if count and size > LARGE:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group
