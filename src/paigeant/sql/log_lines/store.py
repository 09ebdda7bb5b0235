"""The store of log lines: a connection of its own to a database, used from one thread, which may be any."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from paigeant.errors import ConfigError, Unavailable
from paigeant.model.stored.log_lines import LogFilter, LogLine
from paigeant.plugins import redacted, redacted_url
from paigeant.sql.log_lines.table import create, lines_of, log_lines, older, wanted
from paigeant.sql.postgres.database import dialect_url
from paigeant.sql.schema.home import SCHEMA
from paigeant.sql.sqlite.address import engine_of, path_of

T = TypeVar("T")

PATIENCE: Final = 10.0
"""Seconds for one insert or query."""


class LogStore(ABC):
    """Writes and reads log lines. Every method but :meth:`close` raises Unavailable."""

    def __init__(self, name: str) -> None:
        """Nothing is opened; ``name`` is what errors call the database."""
        self._name = name
        self._made = False

    @abstractmethod
    def _transact(self, work: Callable[[Connection], T]) -> T:
        """Return what the work returns, done in one transaction."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    def _do(self, work: Callable[[Connection], T]) -> T:
        def prepared(connection: Connection) -> T:
            if not self._made:
                create(connection)
            return work(connection)

        try:
            result = self._transact(prepared)
        except (SQLAlchemyError, OSError, TimeoutError, asyncio.InvalidStateError) as error:
            text = redacted(str(error).partition("\n")[0])
            raise Unavailable(f"the log lines in {self._name} are out of reach: {text}") from error
        self._made = True
        return result

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Insert rows, all or none."""
        self._do(lambda connection: connection.execute(log_lines.insert(), list(rows)))

    def read(self, asked: LogFilter) -> list[LogLine]:
        """Return the newest lines that fit, in the order of writing."""
        return self._do(lambda connection: lines_of(connection.execute(wanted(asked)).all()))

    def prune(self, than: timedelta) -> int:
        """Delete the lines that are older; returns how many."""
        return self._do(lambda connection: connection.execute(older(than)).rowcount)


class SqliteLogStore(LogStore):
    """Lines in a file of their own, so that they never take the lock of the writer of runs."""

    def __init__(self, url: str) -> None:
        """Use the file that the URL names; raises ConfigError."""
        super().__init__(redacted_url(url))
        path = path_of(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine: Engine = engine_of(path)

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            result = work(connection)
            connection.exec_driver_sql("COMMIT")
            return result

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


class PostgresLogStore(LogStore):
    """Lines in the schema of Paigeant on a server."""

    def __init__(self, url: str) -> None:
        """Use the server that the URL names; raises ConfigError."""
        super().__init__(redacted_url(url))
        made = dialect_url(url).difference_update_query(["prepared_statement_cache_size"])
        arguments = {"timeout": PATIENCE, "command_timeout": PATIENCE, "statement_cache_size": 0}
        self._runner = asyncio.Runner()
        self._engine = create_async_engine(
            made,
            connect_args={**arguments, "prepared_statement_cache_size": 0},
            execution_options={"schema_translate_map": {None: SCHEMA}},
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,
        )

    def _transact(self, work: Callable[[Connection], T]) -> T:
        async def transact() -> T:
            async with asyncio.timeout(2 * PATIENCE), self._engine.begin() as connection:
                return await connection.run_sync(work)

        return self._runner.run(transact())

    def close(self) -> None:
        """Close the connection."""
        self._runner.run(self._engine.dispose())
        self._runner.close()


def open_log_store(url: str) -> LogStore:
    """Return the store of log lines in this database; raises ConfigError for a URL of another kind."""
    scheme = url.partition("://")[0].partition("+")[0]
    if scheme == "sqlite":
        return SqliteLogStore(url)
    if scheme in {"postgresql", "postgres"}:
        return PostgresLogStore(url)
    text = f"{redacted_url(url)!r} keeps no log lines; use postgresql://… or sqlite:///logs.db"
    raise ConfigError(text)
