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
from paigeant.sql.log_lines.table import create, in_order, is_made, lines_of, log_lines, older, row_of, wanted

T = TypeVar("T")


class LogStore(ABC):
    """Writes and reads log lines; what only reads makes nothing. Every method but :meth:`close` raises Unavailable."""

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

    def _is_there(self) -> bool:
        """Tell whether there is a database; to ask it for the table comes after."""
        return True

    @abstractmethod
    def _leave(self) -> None:
        """Give up the connection after an error: the address may lead elsewhere by now, as after a failover."""

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
        """Do the work if there is a table, else return ``otherwise``."""
        if not self._made and not self._is_there():
            return otherwise
        return self._do(lambda connection: work(connection) if self._made or is_made(connection) else otherwise)

    def make(self) -> None:
        """Make the table unless it is there."""
        if not self._made:
            self._do(create)
            self._made = True

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Insert rows, all or none; the table is made first if it is not there."""

        def insert(connection: Connection) -> None:
            in_order(connection)
            connection.execute(log_lines.insert(), list(rows))

        self.make()
        self._do(insert)

    def read(self, asked: LogFilter) -> list[LogLine]:
        """Return the lines that are asked for, in the order of writing; none where none were ever written."""
        return self._if_made(lambda connection: lines_of(connection.execute(wanted(asked)).all()), [])

    def prune(self, than: timedelta) -> int:
        """Delete the lines that are older; returns how many."""
        return self._if_made(lambda connection: connection.execute(older(than)).rowcount, 0)
