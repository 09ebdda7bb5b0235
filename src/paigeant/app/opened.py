"""Parts of an open application, bound to the process and the event loop that opened it."""

from __future__ import annotations

import asyncio
import os
from typing import Final

from paigeant.abc import Published
from paigeant.engine.custody.publications import ProvenDirectory
from paigeant.engine.runtime import Runtime
from paigeant.errors import ConfigError

_CURE: Final = "open one in each (`async with Paigeant(...) as app:`)"


class Opened:
    """Holds the open parts. A fork has its parent's connections, which both would write to: it gets none."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._runtime: Runtime | None = None
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def hold(self, runtime: Runtime | None) -> None:
        """Hold the parts that this process and this event loop opened; None once they are closed."""
        self._runtime, self._pid, self._loop = runtime, os.getpid(), asyncio.get_running_loop()

    @property
    def runtime(self) -> Runtime:
        """The open parts; raises ConfigError if they are not open, in a fork, and in another event loop."""
        if self._runtime is None:
            raise ConfigError("Paigeant is not open: use it as `async with Paigeant(...) as app:`")
        if self._pid != os.getpid():
            text = f"this Paigeant was opened in another process, {self._pid}, that this one is a fork of: {_CURE}"
            raise ConfigError(f"{text}, after it was forked: in a server's lifespan, or gunicorn's post_fork")
        if _running_loop() not in {None, self._loop}:
            text = f"this Paigeant was opened in another event loop: {_CURE}"
            raise ConfigError(f"{text}, or share a SyncPaigeant among threads")
        return self._runtime

    @property
    def directory(self) -> Published:
        """Verified publications of workers; raises as :attr:`runtime`."""
        return ProvenDirectory(self.runtime)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
