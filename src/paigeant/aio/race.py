"""Racing tasks: wait for the first of several, and leave none of the others behind.

A cancelled task that is not awaited ends at some later moment, in the middle of something else, and only the garbage
collector reports its error. So every task that is cancelled here is awaited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def cancel(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel these tasks and return when they have ended; their exceptions are dropped."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def until_first(*waiting: Awaitable[Any], timeout: float | None = None) -> None:
    """Return when one of these has ended, with any result, or after this many seconds; the others are cancelled.

    An existing task is cancelled as well. Wrap it in ``asyncio.shield`` if it is to go on.
    """
    tasks = [asyncio.ensure_future(one) for one in waiting]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(tasks)


async def wait_or_stop(waiting: Awaitable[T], stop: asyncio.Event) -> T | None:
    """Return the result of ``waiting``, or None if the stop comes first, which cancels it. Raises its errors."""
    task, stopping = asyncio.ensure_future(waiting), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        await cancel([task, stopping])
