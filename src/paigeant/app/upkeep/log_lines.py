"""Log lines that are kept: where, by the settings, and how they are written and read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.model.stored.log_lines import LogFilter, LogLine
from paigeant.plugins import load_plugin
from paigeant.telemetry.sink import SinkOutput

if TYPE_CHECKING:  # a database is imported only where it keeps lines
    from paigeant.sql.log_lines.store import LogStore

_NO_SINK = (
    "no log lines are kept: set PAIGEANT_LOG_SINK=store, or a URL of a database, for workers and for this command"
)


def sink_url(settings: Settings) -> str | None:
    """Return the database of log lines, None without a sink; raises ConfigError for a store that can keep none.

    Beside a SQLite store it is a file of its own, so that lines never take the lock of the store's writer.
    """
    if settings.log_sink != "store":
        return settings.log_sink
    scheme, _, rest = settings.store.partition("://")
    if scheme.startswith("sqlite"):
        return f"sqlite://{rest.removesuffix('.db')}-logs.db"
    if scheme.startswith("memory"):
        raise ConfigError("PAIGEANT_LOG_SINK=store: a memory:// store keeps no log lines; use a URL of a database")
    return settings.store


def require_sink(settings: Settings) -> str:
    """Return the database of log lines; raises ConfigError, which says how to get one, if there is no sink."""
    url = sink_url(settings)
    if url is None:
        raise ConfigError(_NO_SINK)
    return url


def open_sink(settings: Settings) -> SinkOutput | None:
    """Return the output that keeps lines, None without a sink; nothing is connected yet. Raises ConfigError."""
    url = sink_url(settings)
    if url is None:
        return None
    store = open_log_store(url)
    return SinkOutput(store, store.row_of)


def open_log_store(url: str) -> LogStore:
    """Return the store of log lines in this database. Raises ConfigError: another kind of URL, a missing extra."""
    opened: LogStore = load_plugin("paigeant.log_stores", urlsplit(url).scheme.partition("+")[0], url=url)(url)
    return opened


def read_lines(settings: Settings, asked: LogFilter) -> list[LogLine]:
    """Return the newest lines that fit, in the order of writing. Raises ConfigError without a sink, and Unavailable."""
    with _Opened(settings) as store:
        return store.read(asked)


def prune_lines(settings: Settings, older_than: timedelta) -> int:
    """Delete lines older than this; returns how many, 0 without a sink. Raises Unavailable."""
    if settings.log_sink is None:
        return 0
    with _Opened(settings) as store:
        return store.prune(older_than)


class _Opened:
    def __init__(self, settings: Settings) -> None:
        self._store = open_log_store(require_sink(settings))

    def __enter__(self) -> LogStore:
        return self._store

    def __exit__(self, *_: object) -> None:
        self._store.close()
