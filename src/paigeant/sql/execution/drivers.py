"""Drivers behind SQLAlchemy's connections, for hot statements.

They work within the transaction that SQLAlchemy's connection has begun, and raise its errors.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

from paigeant.sql.execution.prepared import PreparedStatement

_KNOWS_FROM: Final = sqlite3.sqlite_version_info >= (3, 33)
"""True if this SQLite supports UPDATE FROM; older ones write rows one after the other."""


class Driver(ABC):
    """Connection of a driver."""

    dialect: str

    @abstractmethod
    def rows(self, statement: PreparedStatement, parameters: Mapping[str, Any]) -> list[Any]:
        """Return all rows of a query, as named tuples of our types."""

    @abstractmethod
    def many(self, statement: PreparedStatement, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute a statement for each row, and return the number of affected rows of the table.

        All rows have the same keys, and no two affect the same row of the table.
        """


class Sqlite(Driver):
    """The connection of Python's sqlite3."""

    dialect = "sqlite"

    def __init__(self, connection: Connection) -> None:
        """Take the connection behind SQLAlchemy's."""
        self._own = cast("sqlite3.Connection", connection.connection.driver_connection)

    def rows(self, statement: PreparedStatement, parameters: Mapping[str, Any]) -> list[Any]:
        """Return all rows of a query."""
        made = statement.prepared(self.dialect, parameters)
        try:
            found = self._own.execute(made.sql, made.arguments(parameters)).fetchall()
        except sqlite3.Error as error:
            raise DBAPIError.instance(made.sql, None, error, sqlite3.Error) from error
        return made.rows(found)

    def many(self, statement: PreparedStatement, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute a statement for all rows at once, or once for each if that is impossible."""
        made = statement.prepared(self.dialect, rows[0])
        together = statement.constant_rows(rows[0]) if len(rows) > 1 and _KNOWS_FROM else None
        try:
            if together is None:
                return self._own.executemany(made.sql, made.many(rows)).rowcount
            return sum(self._own.execute(*each).rowcount for each in together.executions(rows))
        except sqlite3.Error as error:  # the error is shown with one row
            raise DBAPIError.instance(made.sql, None, error, sqlite3.Error) from error


class Asyncpg(Driver):
    """The connection of asyncpg, awaited within SQLAlchemy's greenlet."""

    dialect = "postgresql"

    def __init__(self, connection: Connection) -> None:
        """Take the connection behind SQLAlchemy's."""
        self._connection = connection
        self._own: Any = connection.connection.driver_connection

    def rows(self, statement: PreparedStatement, parameters: Mapping[str, Any]) -> list[Any]:
        """Return all rows of a query."""
        made = statement.prepared(self.dialect, parameters)
        return made.rows(self._answer(made.sql, self._own.fetch(made.sql, *made.arguments(parameters))))

    def many(self, statement: PreparedStatement, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute a statement for all rows at once."""
        made = statement.prepared(self.dialect, rows[0], lists=True)
        arguments = made.arguments({key: [row[key] for row in rows] for key in rows[0]})
        status: str = self._answer(made.sql, self._own.execute(made.sql, *arguments))
        return int(status.rpartition(" ")[2])  # as in "UPDATE 3"

    def _answer(self, sql: str, answer: Awaitable[Any]) -> Any:
        """Return the answer; a lost connection is not reused."""
        try:
            return await_only(answer)
        except (TimeoutError, OSError):
            raise
        except Exception as error:
            lost = bool(self._own.is_closed())
            if lost:
                self._connection.invalidate()
            raise DBAPIError(sql, None, error, connection_invalidated=lost) from error


def driver_of(connection: Connection) -> Driver:
    """Return the driver behind a connection."""
    return Sqlite(connection) if connection.dialect.name == "sqlite" else Asyncpg(connection)
