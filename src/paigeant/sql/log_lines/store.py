"""Store of log lines: a separate connection to a database, used from one thread, which may be any."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from paigeant.errors import Unavailable
from paigeant.model.stored.log_lines import LogFilter, LogLine
from paigeant.plugins import redacted
from paigeant.sql.log_lines.table import create, in_order, is_made, lines_of, log_lines, older, row_of, wanted

T = TypeVar("T")


class LogStore(ABC):
    """Writes and reads log lines; reads create nothing. Every method but :meth:`close` raises Unavailable."""

    row_of: Final = staticmethod(row_of)

    def __init__(self, name: str) -> None:
        """Open nothing; ``name`` is the name of the database in errors."""
        self._name = name
        self._made = False

    @abstractmethod
    def _transact(self, work: Callable[[Connection], T]) -> T:
        """Run the work in one transaction and return its result."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    def _is_there(self) -> bool:
        """True if the database exists; its table is checked later."""
        return True

    @abstractmethod
    def _leave(self) -> None:
        """Drop the connection after an error: the address may lead elsewhere by now, as after a failover."""

    def _do(self, work: Callable[[Connection], T]) -> T:
        try:
            return self._transact(work)
        except (SQLAlchemyError, OSError, TimeoutError, asyncio.InvalidStateError) as error:
            self._leave()
            text = redacted(str(error).partition("\n")[0])
            if "permission denied" in text:
                text += "; have the owner of the schema run `paigeant db upgrade` with the same PAIGEANT_LOG_SINK"
            raise Unavailable(f"the log lines in {self._name} are out of reach: {text}") from error

    def _if_made(self, work: Callable[[Connection], T], otherwise: T) -> T:
        """Run the work if the table exists, else return ``otherwise``."""
        if not self._made and not self._is_there():
            return otherwise
        return self._do(lambda connection: work(connection) if self._made or is_made(connection) else otherwise)

    def make(self) -> None:
        """Create the table unless it exists."""
        if not self._made:
            self._do(create)
            self._made = True

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Insert rows, all or none; the table is created first if necessary."""

        def insert(connection: Connection) -> None:
            in_order(connection)
            connection.execute(log_lines.insert(), list(rows))

        self.make()
        self._do(insert)

    def read(self, asked: LogFilter) -> list[LogLine]:
        """Return the requested lines, in the order of writing; none without a table."""
        return self._if_made(lambda connection: lines_of(connection.execute(wanted(asked)).all()), [])

    def prune(self, than: timedelta) -> int:
        """Delete older lines; returns their number."""
        return self._if_made(lambda connection: connection.execute(older(than)).rowcount, 0)
