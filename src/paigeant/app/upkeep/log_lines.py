"""Stored log lines: write, read and delete them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from paigeant.app.upkeep.log_stores import open_log_store, require_sink, sink_url
from paigeant.config import Settings
from paigeant.model.stored.log_lines import LogFilter, LogLine
from paigeant.telemetry.sink import SinkOutput

if TYPE_CHECKING:  # a database is imported only where it keeps lines
    from paigeant.sql.log_lines.store import LogStore


def open_sink(settings: Settings) -> SinkOutput | None:
    """Return the sink that stores lines, None without one; nothing is connected yet. Raises ConfigError."""
    url = sink_url(settings)
    if url is None:
        return None
    store = open_log_store(url)
    return SinkOutput(store, store.row_of)


def prune_lines(settings: Settings, older_than: timedelta) -> int:
    """Delete lines older than this; returns their number, 0 without a sink. Raises Unavailable."""
    if settings.log_sink is None:
        return 0
    store = open_log_store(require_sink(settings))
    try:
        return store.prune(older_than)
    finally:
        store.close()


class LogReader:
    """Reads stored lines, in a thread of its own, over one connection that stays open until :meth:`close`."""

    def __init__(self, settings: Settings) -> None:
        """Open nothing before the first read."""
        self._settings = settings
        self._store: LogStore | None = None
        self._thread = ThreadPoolExecutor(1, "paigeant-log-reader")

    def __enter__(self) -> Self:
        """Open nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def read(self, asked: LogFilter) -> list[LogLine]:
        """Return the requested lines, in the order of writing.

        Raises ConfigError without a sink, and Unavailable.
        """
        return self._thread.submit(self._read, asked).result()

    async def ask(self, asked: LogFilter) -> list[LogLine]:
        """Read as :meth:`read`, without blocking the event loop."""
        return await asyncio.wrap_future(self._thread.submit(self._read, asked))

    def _read(self, asked: LogFilter) -> list[LogLine]:
        if self._store is None:
            self._store = open_log_store(require_sink(self._settings))
        return self._store.read(asked)

    def close(self) -> None:
        """Close the connection; no later read opens it again."""
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
