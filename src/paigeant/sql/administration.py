"""What ``paigeant db`` does to the database that a URL names."""

from __future__ import annotations

from urllib.parse import urlsplit

from paigeant.errors import ConfigError
from paigeant.plugins import load_plugin
from paigeant.sql.execution.database import Database
from paigeant.sql.store import SqlStore


def upgrade(url: str) -> None:
    """Bring the schema to this version; does nothing if it is there. Raises ConfigError and Unavailable."""
    _database(url).upgrade()


def check(url: str) -> None:
    """Return if the schema is that of this version; raises ConfigError if it is not, or there is no database."""
    _database(url).check()


def _database(url: str) -> Database:
    scheme = urlsplit(url).scheme.partition("+")[0]
    store = load_plugin("paigeant.stores", scheme, url=url)(url)
    if not isinstance(store, SqlStore):
        raise ConfigError(f"a {scheme}:// store has no schema to upgrade or check")
    return store.database
