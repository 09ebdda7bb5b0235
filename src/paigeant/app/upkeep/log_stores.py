"""Database and table of log lines, from the settings; this module loads nothing of logging."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.plugins import load_plugin

if TYPE_CHECKING:  # a database is imported only where it keeps lines
    from paigeant.sql.log_lines.store import LogStore

_NO_SINK = (
    "no log lines are kept: set PAIGEANT_LOG_SINK=store, or a URL of a database, for workers and for this command"
)


def sink_url(settings: Settings) -> str | None:
    """Return the database of log lines, None without a sink; raises ConfigError for an unsuitable store.

    For a SQLite store it is a separate file, so that lines never take the lock of the store's writer.
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
    """Return the database of log lines; raises ConfigError, with the remedy, if there is no sink."""
    url = sink_url(settings)
    if url is None:
        raise ConfigError(_NO_SINK)
    return url


def open_log_store(url: str) -> LogStore:
    """Return the store of log lines in this database. Raises ConfigError: another kind of URL, a missing extra."""
    opened: LogStore = load_plugin("paigeant.log_stores", urlsplit(url).scheme.partition("+")[0], url=url)(url)
    return opened


def make_lines(settings: Settings) -> None:
    """Create the table of log lines unless it exists; does nothing without a sink. Raises Unavailable."""
    if settings.log_sink is None:
        return
    store = open_log_store(require_sink(settings))
    try:
        store.make()
    finally:
        store.close()
