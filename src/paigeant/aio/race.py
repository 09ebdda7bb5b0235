"""Racing tasks: wait for whichever of several things comes first, and leave none of the others behind.

A task that is cancelled and not waited for ends at some later moment, in the middle of something else, and its error is
complained of by nobody but the garbage collector. So whatever is cancelled here is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def cancel(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel these tasks and return when they have ended; what they raise is dropped."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def until_first(*waiting: Awaitable[Any], timeout: float | None = None) -> None:
    """Return when one of these has ended, whatever it came to, or after so many seconds; the others are cancelled.

    Of a task that was made before, only the waiting is over: it is cancelled as well. Wrap it in ``asyncio.shield`` if
    it is to go on.
    """
    tasks = [asyncio.ensure_future(one) for one in waiting]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(tasks)


async def wait_or_stop(waiting: Awaitable[T], stop: asyncio.Event) -> T | None:
    """Return what is waited for, or None if the stop comes first; then it is cancelled. Raises what it raises."""
    task, stopping = asyncio.ensure_future(waiting), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        await cancel([task, stopping])
