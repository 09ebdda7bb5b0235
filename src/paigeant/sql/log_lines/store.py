"""The store of log lines: a connection of its own to a database, used from one thread, which may be any."""

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
from paigeant.sql.log_lines.table import create, in_order, lines_of, log_lines, older, row_of, wanted

T = TypeVar("T")


class LogStore(ABC):
    """Writes and reads log lines. Every method but :meth:`close` raises Unavailable."""

    row_of: Final = staticmethod(row_of)

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

        def insert(connection: Connection) -> None:
            in_order(connection)
            connection.execute(log_lines.insert(), list(rows))

        self._do(insert)

    def read(self, asked: LogFilter) -> list[LogLine]:
        """Return the lines that are asked for, in the order of writing."""
        return self._do(lambda connection: lines_of(connection.execute(wanted(asked)).all()))

    def prune(self, than: timedelta) -> int:
        """Delete the lines that are older; returns how many."""
        return self._do(lambda connection: connection.execute(older(than)).rowcount)
