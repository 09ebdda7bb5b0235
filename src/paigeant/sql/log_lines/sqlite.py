"""Log lines in a SQLite file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine

from paigeant.plugins import redacted_url
from paigeant.sql.log_lines.store import LogStore
from paigeant.sql.sqlite.address import engine_of, path_of

T = TypeVar("T")


class SqliteLogStore(LogStore):
    """Log lines in a separate file, so that they never take the lock of the writer of runs."""

    def __init__(self, url: str) -> None:
        """Use the file of the URL; raises ConfigError."""
        super().__init__(redacted_url(url))
        self._path = path_of(url)
        self._engine: Engine = engine_of(self._path)

    def _is_there(self) -> bool:
        return self._path.exists()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            result = work(connection)
            connection.exec_driver_sql("COMMIT")
            return result

    def _leave(self) -> None:
        """Do nothing: each transaction opens the file."""

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()
