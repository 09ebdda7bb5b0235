"""Event loop in its own thread, for code without one: coroutines run there, and callers block here."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from paigeant.errors import ConfigError

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for any number of threads. It belongs to one process: a fork has no such thread."""

    def __init__(self) -> None:
        """Start the thread."""
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="paigeant-sync", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine; return its result or raise its exception. Ctrl-C cancels it.

        Raises ConfigError in an event loop, which would be blocked meanwhile, and in a process that was forked.
        """
        try:
            self._check_caller()
        except ConfigError:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # the caller was interrupted; a finished future ignores this
            raise

    def close(self) -> None:
        """Stop the thread; in a forked process there is nothing to stop."""
        if os.getpid() == self._pid:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _check_caller(self) -> None:
        if os.getpid() != self._pid:
            text = "this SyncPaigeant was opened in another process: open one in each process, after it was forked"
            raise ConfigError(text)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise ConfigError("SyncPaigeant would stop the event loop that it is called in; use Paigeant there, and await")
