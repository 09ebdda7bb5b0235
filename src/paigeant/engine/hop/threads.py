"""Sync functions in threads of their own: a daemon thread a call, so that one that hangs cannot keep the process."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from paigeant.activities.calls.contained import as_exception, of_step
from paigeant.engine.hop.apart import end_if_forked, own_context

T = TypeVar("T")


async def run_in_thread(
    function: Callable[[], T], name: str, keep_until_code_ends: Callable[[], Callable[[], None]]
) -> T:
    """Call a function in a new daemon thread with the caller's context variables, and return its result.

    A cancelled caller continues at once. The thread cannot be stopped: ``keep_until_code_ends`` is called, and its
    result when the thread has ended; the function's result is then dropped.
    """
    call = _Call(function, name)
    threading.Thread(target=call.work, name=f"paigeant-{name}", daemon=True).start()
    try:
        return await call.future
    except asyncio.CancelledError:
        if not call.ended:
            call.at_its_end = keep_until_code_ends()
        raise


class _Call(Generic[T]):
    """One call in a thread; everything but :meth:`work` belongs to the event loop."""

    def __init__(self, function: Callable[[], T], name: str) -> None:
        self._function = function
        self._name = name
        self._process = os.getpid()
        self._loop = asyncio.get_running_loop()
        self._context = own_context()
        self.future: asyncio.Future[T] = self._loop.create_future()
        self.ended = False
        self.at_its_end: Callable[[], None] = lambda: None

    def work(self) -> None:
        """Call the function, in the thread."""
        try:
            result = self._context.run(self._function)
        except BaseException as raised:  # noqa: BLE001  (it is handed to the caller)
            end_if_forked(self._process, self._name)
            error = self._harmless(raised)
            self._tell(lambda: self.future.set_exception(error))
        else:
            end_if_forked(self._process, self._name)
            self._tell(lambda: self.future.set_result(result))

    def _harmless(self, raised: BaseException) -> Exception:
        """Return the error, or an equivalent without a special meaning to the event loop."""
        if isinstance(raised, Exception) and not isinstance(raised, StopIteration):
            return raised
        error = as_exception(of_step(self._name), raised)
        error.__cause__ = raised
        return error

    def _tell(self, answer: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: there is no caller any more
            self._loop.call_soon_threadsafe(self._end, answer)

    def _end(self, answer: Callable[[], None]) -> None:
        self.ended = True
        self.at_its_end()
        if not self.future.done():
            answer()
