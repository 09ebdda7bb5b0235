"""PostgreSQL database: shared by all processes, each with one writer that groups its writes.

No transaction is open while a step runs. All timeouts are set within each transaction, so that they work behind a
pooler that assigns each transaction to another session (PgBouncer's transaction mode). A pooler is detected when the
store is opened, and then no statements are prepared; ``?prepared_statement_cache_size=`` in the URL overrides this.
"""

# ruff: noqa: D102 -- Database documents the guarantees of each method

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import random
from time import perf_counter
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

from sqlalchemy import URL, Connection, NullPool, func, make_url, select, true
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from paigeant.abc import Heart
from paigeant.aio.backoff import Backoff
from paigeant.aio.batch import Batcher
from paigeant.aio.changes import Changes, News
from paigeant.errors import ConfigError
from paigeant.model.checks.findings import Finding
from paigeant.model.events import BatchCommitted
from paigeant.model.hops import LeaseToken, Pulse
from paigeant.plugins import redacted_url
from paigeant.sql.execution.database import Database
from paigeant.sql.execution.drivers import Driver
from paigeant.sql.execution.failures import translate_server_errors
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.postgres.availability import REPLICA, Availability
from paigeant.sql.postgres.checks import server_checks
from paigeant.sql.postgres.notify import NotifyListener, is_pooled
from paigeant.sql.schema import version as schema
from paigeant.sql.schema.home import SCHEMA, version_of
from paigeant.sql.schema.types import SERVER_NOW
from paigeant.sql.statements import heartbeat

T = TypeVar("T")

_READERS: Final = 3
"""Concurrent reading transactions: a long one, such as a page of a long history, must not delay the others."""

_PATIENCE: Final = 20.0
"""Timeout of one transaction in seconds; after it the connection is dropped and the store counts as unavailable."""

_AGAIN: Final = frozenset({"40001", "40P01", "23505", "55P03"})
"""SQLSTATEs after which a retry of the transaction may succeed: a serialisation failure, a deadlock, a concurrently
taken key, an unavailable lock."""

_ATTEMPTS: Final = 6
_LOCK: Final = 0x5041_4947
"""Number of the advisory lock for schema changes."""

_OPTIONS: Final = frozenset(
    ["host", "port", "user", "password", "database", "passfile", "ssl", "target_session_attrs", "krbsrvname", "gsslib"]
) | {"prepared_statement_cache_size"}
"""Valid options in a URL; asyncpg's other options are not text, or are set here."""

_SETTINGS: Final = {
    "search_path": SCHEMA,
    "statement_timeout": "15s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",
    # Every query here has its index, which must be used also before the first ANALYZE.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
_AMBIGUOUS: Final = re.compile(r"[/?#@].*@", re.DOTALL)
_KEPT: Final = "prepared_statement_cache_size"
"""Option in the URL for the number of cached prepared statements of each connection."""

_ASK_NOW: Final = PreparedStatement(select(SERVER_NOW))


class _Work(NamedTuple):
    do: Callable[[Tx], Any]
    single: bool
    news: News = News.NOTHING


_BEGIN: Final = select(
    SERVER_NOW, func.pg_is_in_recovery(), *(func.set_config(name, value, true()) for name, value in _SETTINGS.items())
)
"""Query of the store's time and role, with the settings of this transaction, in one round trip."""


class PostgresDatabase(Database):
    """One pool of connections for reading, one connection for writing, and one that listens."""

    groups_at_once: ClassVar[bool] = True
    group_size: ClassVar[int] = 96  # with 256 hops in one commit, none would run while the server writes

    def __init__(self, url: str, namespace: str) -> None:
        """Parse the URL only; raises ConfigError."""
        self.url: URL = dialect_url(url)
        self._name = redacted_url(self.url.set(drivername="postgresql").render_as_string(hide_password=True))
        self._namespace = namespace
        self._availability = Availability(self._name)
        self._writing: Batcher[_Work, Any] = Batcher(self._write_group)
        self._reading: Batcher[_Work, Any] = Batcher(self._read_group, abreast=_READERS)

    async def open(self) -> None:
        self._talker = _engine(self.url, pooled=True, poolclass=NullPool)
        with translate_server_errors(self._name):
            async with asyncio.timeout(_PATIENCE), self._talker.connect() as connection:
                version = await connection.run_sync(version_of)
                self._pooled = await is_pooled(connection)
                self._availability.replica = bool(await connection.scalar(select(func.pg_is_in_recovery())))
        schema.require(version, self._name)
        self._engine = self.engine(pool_size=4, max_overflow=2, pool_timeout=_PATIENCE, pool_recycle=1800)
        self._nudges = NotifyListener(self._talker, self._namespace)
        self.changes: Changes = self._nudges
        self._nudges.start()
        self._availability.open(self.reporter, self._nudges.reconnect)

    def engine(self, **options: Any) -> AsyncEngine:
        """Return an engine for the server, or for the pooler that was detected when the store was opened."""
        engine = _engine(self.url, pooled=self._pooled, **options)
        self._availability.watch(engine)
        return engine

    async def close(self) -> None:
        await self._writing.close()
        await self._reading.close()
        await self._nudges.close()
        await self._talker.dispose()
        await self._engine.dispose()

    async def write(self, work: Callable[[Tx], T], news: News = News.WORK, *, single: bool = False) -> T:
        return await self._writing.ask(_Work(work, single, news))

    def tell(self, news: News) -> None:
        self._nudges.send(news)

    async def _write_group(self, group: Sequence[_Work]) -> list[Any]:
        began = perf_counter()
        results = await self.transact(self._engine, [work.do for work in group], single=self._is_single(group))
        if self.reporter.wants(BatchCommitted):
            self.reporter.report(BatchCommitted(self._name, len(group), perf_counter() - began))
        self._nudges.send(max(work.news for work in group))
        return results

    async def read(self, work: Callable[[Tx], T], *, single: bool = False) -> T:
        return await self._reading.ask(_Work(work, single))

    async def _read_group(self, group: Sequence[_Work]) -> list[Any]:
        works = [work.do for work in group]
        with self._availability.noted(), translate_server_errors(self._name):
            async with asyncio.timeout(_PATIENCE), self._engine.connect() as fresh:
                if self._is_single(group):
                    connection = await fresh.execution_options(isolation_level="AUTOCOMMIT")
                    return await connection.run_sync(self._do_single, works)
                connection = await fresh.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                return await connection.run_sync(self._do, works)

    def _is_single(self, group: Sequence[_Work]) -> bool:
        """True if the group is one statement, on a session of our own, whose settings persist."""
        return len(group) == 1 and group[0].single and not self._pooled

    def _do(self, connection: Connection, works: Sequence[Callable[[Tx], Any]]) -> list[Any]:
        tx = self._begin(connection)
        return [work(tx) for work in works]

    def _do_single(self, connection: Connection, works: Sequence[Callable[[Tx], Any]]) -> list[Any]:
        self._availability.require_role(replica=connection.info[REPLICA])
        return [work(Tx.of(connection, self._namespace, _now)) for work in works]

    def facts(self, tx: Tx) -> list[Finding]:
        return server_checks(tx)

    def heart(self) -> Heart:
        return _PostgresHeart(self)

    def upgrade(self) -> None:
        def change(connection: Connection) -> None:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            schema.refuse_unknown(version_of(connection), self._name)
            schema.migrate(connection, self._name)

        asyncio.run(self._once(change))

    def check(self) -> None:
        asyncio.run(self._once(lambda connection: schema.check(connection, self._name)))

    async def _once(self, work: Callable[[Connection], None]) -> None:
        engine = _engine(self.url, pooled=True, poolclass=NullPool)
        try:
            with translate_server_errors(self._name):
                async with engine.begin() as connection:
                    await connection.run_sync(work)
        finally:
            await engine.dispose()

    async def transact(
        self, engine: AsyncEngine, works: Sequence[Callable[[Tx], Any]], *, single: bool = False
    ) -> list[Any]:
        """Run these pieces of work in one transaction and return their results, with retries where useful."""
        backoff = Backoff(0.02, 1.0, jitter=random)  # jitter avoids repeated conflicts
        while True:
            try:
                with self._availability.noted(), translate_server_errors(self._name):
                    async with asyncio.timeout(_PATIENCE):
                        return await (self._autocommit if single else self._commit)(engine, works)
            except DBAPIError as error:
                state = getattr(error.orig, "sqlstate", None)
                taken = single and state == "23505"  # by an older row: a retry would fail again
                if state not in _AGAIN or taken or backoff.attempts == _ATTEMPTS - 1:
                    raise
                await backoff.pause()

    async def _commit(self, engine: AsyncEngine, works: Sequence[Callable[[Tx], Any]]) -> list[Any]:
        async with engine.begin() as connection:
            return await connection.run_sync(self._do, works)

    async def _autocommit(self, engine: AsyncEngine, works: Sequence[Callable[[Tx], Any]]) -> list[Any]:
        async with engine.connect() as fresh:
            connection = await fresh.execution_options(isolation_level="AUTOCOMMIT")
            return await connection.run_sync(self._do_single, works)

    def _begin(self, connection: Connection) -> Tx:
        """Return the transaction of a connection, with its timeouts set."""
        row: Any = connection.execute(_BEGIN).one()
        now, replica = row[:2]
        self._availability.require_role(replica=replica)
        return Tx.of(connection, self._namespace, _now, now)


def _now(driver: Driver) -> datetime:
    now: datetime = driver.rows(_ASK_NOW, {})[0][0]
    return now


class _PostgresHeart(Heart):
    """Renews leases on its own connection and event loop, in any thread."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._runner = asyncio.Runner()
        self._engine: AsyncEngine | None = None

    def beat(
        self, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes] | None = None
    ) -> list[Pulse]:
        self._engine = self._engine or self._database.engine(pool_size=1, max_overflow=0)
        beating = self._database.transact(self._engine, [lambda tx: heartbeat.beat(tx, held, lease, details)])
        pulses: list[Pulse] = self._runner.run(beating)[0]
        return pulses

    def close(self) -> None:
        if self._engine is not None:
            self._runner.run(self._engine.dispose())
        self._runner.close()


def dialect_url(url: str) -> URL:
    """Return the URL in SQLAlchemy's form for asyncpg; ``sslmode`` is asyncpg's ``ssl``.

    Raises ConfigError, without the URL, which may contain a password.
    """
    if _AMBIGUOUS.search(url.partition("://")[2]):  # a part of a password would be parsed as the host, and shown
        raise ConfigError("the PostgreSQL URL is ambiguous: write / ? # @ of a user name or password as %XX")
    try:
        made = make_url(url).set(drivername="postgresql+asyncpg")
        query = {"ssl" if key == "sslmode" else key: value for key, value in made.query.items()}
        made = made.set(query=query)
        _require_number(made)
        options = made.get_dialect()().create_connect_args(made)[1]  # pyright: ignore[reportUnknownMemberType]
    except (ArgumentError, ValueError):
        raise ConfigError("this is no PostgreSQL URL; it should look like postgresql://user:password@host/db") from None
    for name, value in options.items():
        if name not in _OPTIONS or isinstance(value, tuple):
            what = "an unknown" if name not in _OPTIONS else "more than one"
            raise ConfigError(f"the PostgreSQL URL has {what} {name!r}; allowed are {', '.join(sorted(_OPTIONS))}")
    return made


def _require_number(url: URL) -> None:
    kept = url.query.get(_KEPT, "0")
    if not isinstance(kept, str) or not kept.isdecimal():
        raise ConfigError(f"{_KEPT}={kept} in the URL of the store is no number; 0 keeps none")


def _engine(url: URL, *, pooled: bool, **options: Any) -> AsyncEngine:
    """Return an engine; ``pooled`` is for a pooler, or for few statements, of which none is worth preparing."""
    arguments: dict[str, Any] = {"timeout": 10, "command_timeout": 15}
    kept = url.query.get(_KEPT, "0" if pooled else None)
    if isinstance(kept, str):
        arguments |= {_KEPT: int(kept), "statement_cache_size": int(kept)}  # SQLAlchemy and driver have a cache each
    if not pooled:
        arguments["server_settings"] = _SETTINGS  # for statements outside of explicit transactions
    return create_async_engine(url.difference_update_query([_KEPT]), connect_args=arguments, **options)
