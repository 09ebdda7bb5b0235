"""Transaction for statements: a connection, the namespace, and the store's time, read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Connection, Executable, Table

from paigeant.sql.execution.drivers import Driver, driver_of
from paigeant.sql.execution.prepared import PreparedStatement, insert_of

T = TypeVar("T")

Clock: TypeAlias = Callable[[Driver], datetime]

_CHUNK: Final = 1_000
"""Limit of keys in one statement: databases limit its parameters."""


class Tx:
    """One transaction. All its writes have the same time, which is queried on first use.

    Statements that contain the time themselves, as in :mod:`~paigeant.sql.statements.at_once`, save that query.
    ``clock`` returns the store's time at the moment of the call.
    """

    __slots__ = ("_clock", "_now", "connection", "driver", "namespace")

    connection: Connection
    driver: Driver
    namespace: str

    def __init__(
        self, connection: Connection, driver: Driver, namespace: str, clock: Clock, now: datetime | None = None
    ) -> None:
        """Take the connection, which is in the transaction, and the time if it is known."""
        self.connection = connection
        self.driver = driver
        self.namespace = namespace
        self._clock = clock
        self._now = now

    @classmethod
    def of(cls, connection: Connection, namespace: str, clock: Clock, now: datetime | None = None) -> Tx:
        """Return the transaction that this connection is in."""
        return cls(connection, driver_of(connection), namespace, clock, now)

    @property
    def now(self) -> datetime:
        """The store's time, constant within the transaction."""
        if self._now is None:
            self._now = self._clock(self.driver)
        return self._now

    @property
    def known_now(self) -> datetime | None:
        """The time, if known without a query: :class:`~paigeant.sql.schema.types.store_now` takes it."""
        return self._now

    def later(self) -> Tx:
        """Return the transaction as of this moment.

        After waiting for a lock, the previous holder of the lock may have written a later time.
        """
        return self.at(self._clock(self.driver))

    def at(self, now: datetime) -> Tx:
        """Return the transaction as of another time."""
        return Tx(self.connection, self.driver, self.namespace, self._clock, now)

    def until(self, at: datetime | None) -> float | None:
        """Return the number of seconds to a time."""
        return None if at is None else (at - self.now).total_seconds()

    def rows(self, statement: Executable | PreparedStatement, **parameters: Any) -> Sequence[Any]:
        """Return all rows of a query, as named tuples."""
        if isinstance(statement, PreparedStatement):
            return self.driver.rows(statement, parameters)
        return self.connection.execute(statement, parameters).all()

    def scalar(self, statement: PreparedStatement, **parameters: Any) -> Any:
        """Return the first column of the first row of a query, None without a row."""
        rows = self.driver.rows(statement, parameters)
        return rows[0][0] if rows else None

    def many(self, statement: Executable | PreparedStatement, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute a statement once for each row, if there are any; returns the number of written rows.

        All rows have the same keys.
        """
        if not rows:
            return 0
        if isinstance(statement, PreparedStatement):
            return self.driver.many(statement, rows)
        return self.connection.execute(statement, rows).rowcount

    def upsert(self, table: Table, rows: Sequence[Mapping[str, Any]], keep: str | None = None) -> None:
        """Insert rows, or overwrite existing ones with the same key, except the column to ``keep``."""
        self.many(_upsert(self.driver.dialect, table, keep), rows)

    def add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert rows, except those whose key exists; returns the number of written rows."""
        return self.many(_add(self.driver.dialect, table), rows)


@cache
def _upsert(dialect: str, table: Table, keep: str | None) -> PreparedStatement:
    made = insert_of(dialect)(table)
    names = (column.name for column in table.c if not column.primary_key and column.name != keep)
    rest = {name: made.excluded[name] for name in names}
    return PreparedStatement(made.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest))


@cache
def _add(dialect: str, table: Table) -> PreparedStatement:
    return PreparedStatement(insert_of(dialect)(table).on_conflict_do_nothing())


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the items in parts that one statement can take."""
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
