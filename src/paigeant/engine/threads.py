"""Sync functions in threads of their own: a daemon thread a call, so that one that hangs cannot keep the process."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def run_in_thread(function: Callable[[], T], name: str) -> T:
    """Return what the function returns, run in a new daemon thread with the caller's context variables.

    A cancelled caller goes on at once; the thread cannot be stopped, and what it returns is dropped.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # pyright: ignore[reportArgumentType]

    def work() -> None:
        result, error = None, None
        try:
            result = context.run(function)
        except StopIteration as stop:
            error = RuntimeError(f"{name} raised StopIteration")
            error.__cause__ = stop
        except BaseException as raised:  # noqa: BLE001  (it is handed to the caller)
            error = raised
        with suppress(RuntimeError):  # the loop is gone: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name=f"paigeant-{name}", daemon=True).start()
    return await future
