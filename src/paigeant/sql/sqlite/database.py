"""SQLite database: one file shared by several processes: opening, writing, reading, watching and checkpointing.

WAL with ``synchronous=FULL``: every answered write survives a power failure. All writes begin with IMMEDIATE: a
transaction that first reads and then writes fails at once if another wrote in between, whatever the busy timeout.

SQLite 3.7.0 to 3.51.2 may corrupt the file when one connection resets the WAL while another commits
(sqlite.org/wal.html, "the WAL-reset bug"), and few Pythons include a newer one. So automatic checkpoints are off; a
process that finds a large WAL runs one, alone by a lock on a file, with TRUNCATE, which blocks all writers.
"""

# ruff: noqa: D102 -- Database documents the guarantees of each method

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from paigeant.abc import Heart
from paigeant.aio.changes import Changes, News
from paigeant.errors import ConfigError, Unavailable
from paigeant.model.checks.findings import Finding
from paigeant.model.hops import LeaseToken, Pulse
from paigeant.sql.execution.database import Database
from paigeant.sql.execution.failures import translate_errors, translated
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema import version as schema
from paigeant.sql.schema.home import version_of
from paigeant.sql.sqlite.address import BUSY_MS, engine_of, path_of
from paigeant.sql.sqlite.checks import file_checks, prepare_folder, require_place
from paigeant.sql.sqlite.clock import THIS_MACHINE, MachineClock, StoreClock
from paigeant.sql.sqlite.data_version import DataVersionPoller
from paigeant.sql.sqlite.new_file import make_schema
from paigeant.sql.sqlite.process_locks import ProcessLocks
from paigeant.sql.sqlite.writer_thread import WriterThread
from paigeant.sql.statements import announce, heartbeat

T = TypeVar("T")

_PATIENCE: Final = 25.0
"""Timeout in seconds while another process opens the file."""

_LARGE: Final = 4 * 1024 * 1024
"""Size of the WAL in bytes from which a checkpoint runs."""

_PRAGMAS: Final = (
    f"busy_timeout={BUSY_MS}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "wal_autocheckpoint=0",
)

WRITE: Final = "BEGIN IMMEDIATE"


class SqliteDatabase(Database):
    """File of a store: a writer thread, a reader thread, and the changes of all processes."""

    def __init__(self, url: str, namespace: str, machine: MachineClock = THIS_MACHINE) -> None:
        """Parse the URL only, and use the clocks of ``machine``; raises ConfigError."""
        self.path: Path = path_of(url)
        self._presence = ProcessLocks(self.path)
        self._namespace = namespace
        self._clock = StoreClock(machine)
        self._engine = engine_of(self.path)
        self._checkpoint_at = _LARGE

    async def open(self) -> None:
        # A new file gets its schema at once; an existing one is not upgraded silently.
        await asyncio.to_thread(self._prepare)
        with translate_errors(str(self.path)):
            self._loop = asyncio.get_running_loop()
            there = self.path.stat()
            self._identity = there.st_dev, there.st_ino
            self._watcher = self.connect()
            self._watching: Any = self._watcher.connection.driver_connection
            self._foreign = -1
            self._poller = DataVersionPoller(self._version)
            self.changes: Changes = self._poller
            self._writer = WriterThread("writer", self.connect, self._begin, self._written, self.reporter)
            self._reader = WriterThread("reader", self.connect, self._begin_reading, _skip_after_commit)

    async def close(self) -> None:
        await self._poller.close()
        await self._writer.close()
        await self._reader.close()
        self._watcher.close()
        self._engine.dispose()
        self._presence.close()

    async def write(self, work: Callable[[Tx], T], news: News = News.WORK, *, single: bool = False) -> T:
        del single  # begin and commit are no round trips here
        try:
            return await self._writer.do(work, news)
        except (DatabaseError, UnicodeEncodeError) as error:
            raise translated(str(self.path), error) from error

    def tell(self, news: News) -> None:
        self.changes.note(news)  # others see every commit

    async def read(self, work: Callable[[Tx], T], *, single: bool = False) -> T:
        del single
        try:
            return await self._reader.do(work)
        except (DatabaseError, UnicodeEncodeError) as error:
            raise translated(str(self.path), error) from error

    def facts(self, tx: Tx) -> list[Finding]:
        return file_checks(tx, self.path)

    def heart(self) -> Heart:
        return _SqliteHeart(self)

    def mark_alive(self, owner: str) -> None:
        self._presence.mark_alive(owner)

    def gone(self) -> Collection[str]:
        return self._presence.gone()

    async def end_dead_leases(self) -> int:
        self._require_same_file()
        ended = 0
        for dead in self._presence.dead():
            done = False
            try:
                ended += await self.write(lambda tx, dead=dead: announce.bury(tx, dead))
                done = True
            finally:
                self._presence.forget(dead, done=done)
        return ended

    def _require_same_file(self) -> None:
        """Raise Unavailable if the path is not the open file any more: writes would be lost."""
        try:
            there = self.path.stat()
        except OSError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != self._identity:
            raise Unavailable(
                f"the database {self.path} was deleted or replaced while it was open: stop this process, "
                "put the file back if it can be had, and start again"
            )

    def write_now(self, connection: Connection, work: Callable[[Tx], T]) -> T:
        """Write in the same way on a connection and in a thread of the caller."""
        with translate_errors(str(self.path)):
            try:
                result = work(self._begin(connection))
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
        return result

    def _begin(self, connection: Connection) -> Tx:
        connection.exec_driver_sql(WRITE)
        return self._clock.begin(connection, self._namespace, writes=True)

    def _begin_reading(self, connection: Connection) -> Tx:
        connection.exec_driver_sql("BEGIN")
        return self._clock.begin(connection, self._namespace, writes=False)

    def connect(self) -> Connection:
        """Return a new connection with the common settings."""
        connection = self._engine.connect()
        for pragma in _PRAGMAS:
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        connection.commit()
        return connection

    def upgrade(self) -> None:
        with self._open_exclusively() as connection:
            schema.refuse_unknown(version_of(connection), str(self.path))
            schema.migrate(connection, str(self.path))

    def check(self) -> None:
        if not self.path.exists():
            schema.require(None, str(self.path))
        with self._open_exclusively() as connection:
            schema.check(connection, str(self.path))

    def _prepare(self) -> None:
        """Create the schema in an empty database, and refuse a different one."""
        if self._exists():  # the check needs no lock, which may be held for long
            with translate_errors(str(self.path)), self._reading() as connection:
                version = version_of(connection)
            if version is not None:
                schema.require(version, str(self.path))
                return
        with self._open_exclusively() as connection:
            version = version_of(connection)
            if version is None:
                make_schema(connection, str(self.path))
            else:
                schema.require(version, str(self.path))

    def is_there(self) -> bool:
        if self._exists():
            return True
        require_place(self.path)
        return False

    def _exists(self) -> bool:
        try:
            return self.path.exists()
        except OSError as error:
            raise ConfigError(f"the database {self.path} cannot be used: {error.strerror}") from error

    @contextmanager
    def _reading(self) -> Generator[Connection]:
        try:
            self._presence.prepare()
        except OSError as error:
            raise ConfigError(f"the database {self.path} cannot be used: {error.strerror}: {error.filename}") from error
        with self.connect() as connection:
            yield connection

    @contextmanager
    def _open_exclusively(self) -> Generator[Connection]:
        """Open the file exclusively, creating it and its folder; commit if nothing was raised."""
        try:
            prepare_folder(self.path)
            self._presence.prepare()
            with (
                self._presence.alone("opening", patience=_PATIENCE),
                translate_errors(str(self.path)),
                self.connect() as connection,
            ):
                connection.exec_driver_sql(WRITE)
                yield connection
                connection.commit()
        except OSError as error:
            raise ConfigError(f"the database {self.path} cannot be used: {error.strerror}: {error.filename}") from error

    def _version(self) -> int:
        """Return the version that changes with every commit of others; without SQLAlchemy, since it is polled."""
        try:
            (version,) = self._watching.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            return -1  # busy: poll again
        return version

    def _written(self, connection: Connection, news: News) -> None:
        """Wake waiting callers after a commit, and checkpoint a large WAL; in the writer thread."""
        # A connection's own commits do not change its own data_version. If the writer's version is still that of its
        # last commit, then the version seen by the watcher comes from this process's commit only.
        seen, foreign = self._version(), connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        alone, self._foreign = foreign == self._foreign, foreign
        self._loop.call_soon_threadsafe(self._poller.written, news, seen if alone else None)
        try:
            size = Path(f"{self.path}-wal").stat().st_size
        except OSError:
            return
        if size < self._checkpoint_at:
            return
        self._checkpoint_at = size + _LARGE  # with a reader, or another checkpoint: retried once it has grown
        with suppress(Unavailable), self._presence.alone("checkpointing", patience=0):
            connection.exec_driver_sql("PRAGMA busy_timeout=200")
            try:
                busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_MS}")
                connection.commit()
            if not busy:
                self._checkpoint_at = _LARGE


class _SqliteHeart(Heart):
    """Renews leases on its own connection, in any thread."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._connection: Connection | None = None

    def beat(
        self, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes] | None = None
    ) -> list[Pulse]:
        self._connection = self._connection or self._database.connect()
        return self._database.write_now(self._connection, lambda tx: heartbeat.beat(tx, held, lease, details))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _skip_after_commit(connection: Connection, news: News) -> None:
    del connection, news
