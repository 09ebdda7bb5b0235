"""What ``paigeant db`` does to the database that a URL names."""

from __future__ import annotations

from paigeant.errors import ConfigError
from paigeant.sql.sqlite import SqliteDatabase


def upgrade(url: str) -> None:
    """Bring the schema to this version; does nothing if it is there. Raises ConfigError and Unavailable."""
    _database(url).upgrade()


def check(url: str) -> None:
    """Return if the schema is that of this version; raises ConfigError if it is not, or there is no database."""
    _database(url).check()


def _database(url: str) -> SqliteDatabase:
    scheme = url.partition(":")[0]
    if scheme != "sqlite":
        raise ConfigError(f"a {scheme}:// store has no schema to upgrade or check")
    return SqliteDatabase(url, "default")
