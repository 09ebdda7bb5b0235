"""Notifications between processes over PostgreSQL: LISTEN and NOTIFY, outside of every commit; only a hint.

A NOTIFY inside a commit takes a lock that serialises all notifying commits of the database, so it is sent after the
commit, at most ten times a second; its payload says whether there may be work. Without notifications (behind a pooler
without sessions, or while the connection is lost) waiting callers poll once a second.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from paigeant.aio.backoff import Backoff
from paigeant.aio.changes import Changes, News
from paigeant.aio.race import until_first

_SELDOM: Final = 0.1
"""Minimum of seconds between two notifications of one process."""

_BLIND: Final = 1.0
"""Polling interval in seconds without notifications."""

_HEARING: Final = 60.0
"""The same with notifications: a connection may be dead without an error."""

_PATIENT: Final = 2.0
"""Limit of seconds between two attempts to connect: until then other processes get no notification of ours."""

_FAREWELL: Final = 2.0
"""Timeout in seconds of the last notification of a process."""


class NotifyListener(Changes):
    """Notifications of commits between processes."""

    def __init__(self, engine: AsyncEngine, namespace: str) -> None:
        """Exchange notifications, over one connection of this engine, with processes of the same namespace."""
        super().__init__()
        self._engine = engine
        self._channel = f"paigeant_{hashlib.sha256(namespace.encode()).hexdigest()[:16]}"
        self._hears = False
        self._unsent = News.NOTHING
        self._dirty = asyncio.Event()
        self._lost = asyncio.Event()
        self._talking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen, and to send."""
        self._talking = asyncio.create_task(self._talk(), name="paigeant-nudges")

    def send(self, news: News = News.WORK) -> None:
        """Notify of a commit here: wake callers in this process, and soon those of others."""
        if news is not News.NOTHING:
            self.note(news)
            self._unsent = max(self._unsent, news)
            self._dirty.set()

    def reconnect(self) -> None:
        """Drop the connection and make another: it may lead to a server that no other process uses any more."""
        self._lost.set()

    @property
    def floor(self) -> float:
        """Seconds after which waiting callers should poll, even without a notification."""
        return _HEARING if self._hears else _BLIND

    async def _wait(self, wanted: News, timeout: float) -> None:
        """Wait, but not longer than ``floor``."""
        await super()._wait(wanted, min(timeout, self.floor))

    async def close(self) -> None:
        """Send pending notifications, stop, and wake the callers that still wait.

        Otherwise the last commit of a command could stay unnoticed for up to a minute.
        """
        if self._talking is not None:
            self._talking.cancel()
            with suppress(asyncio.CancelledError):
                await self._talking
        if self._unsent is not News.NOTHING:
            with suppress(Exception):  # notifications are optional
                async with asyncio.timeout(_FAREWELL), self._engine.connect() as connection:
                    driver: Any = (await connection.get_raw_connection()).driver_connection
                    await self._tell(driver)
        await super().close()

    async def _talk(self) -> None:
        """Keep a connection that listens and sends, reconnecting as necessary."""
        backoff = Backoff(_SELDOM, _PATIENT)
        while True:
            try:
                async with self._engine.connect() as connection:
                    backoff.reset()
                    try:
                        await self._converse(connection)
                    finally:
                        await connection.invalidate()  # it listens, and must not be reused
            except Exception:  # noqa: BLE001  (nudges are a convenience; the next connection may do better)
                self._hears = False
            self.note()
            await backoff.pause()

    async def _converse(self, connection: AsyncConnection) -> None:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        self._lost = lost = asyncio.Event()
        driver.add_termination_listener(lambda *_: lost.set())  # pyright: ignore[reportUnknownLambdaType]
        # Behind a pooler this session would listen for its next client.
        self._hears = not await is_pooled(connection)
        if self._hears:
            await driver.add_listener(self._channel, self._heard)
        self.note()  # notifications before this were missed
        while not lost.is_set():
            await until_first(self._dirty.wait(), lost.wait())
            if self._dirty.is_set() and not lost.is_set():
                self._dirty.clear()
                await self._tell(driver)
                await asyncio.sleep(_SELDOM)
        self._hears = False

    async def _tell(self, driver: Any) -> None:
        """Send a pending notification; it stays pending if this is cancelled."""
        news, self._unsent = self._unsent, News.NOTHING
        try:
            await driver.execute(f"NOTIFY {self._channel}, '{news.name}'")
        except BaseException:
            self._unsent = max(self._unsent, news)
            raise

    def _heard(self, connection: Any, pid: int, channel: str, payload: str) -> None:
        """Pass on a notification of another process; callers here know those of this process already."""
        del channel
        if pid != connection.get_server_pid():
            self.note(News.CHANGE if payload == News.CHANGE.name else News.WORK)


async def is_pooled(connection: AsyncConnection) -> bool:
    """True if the connection leads to a pooler, such as PgBouncer, that assigns each transaction to any session.

    A server sends each client the number of its process, for requests to cancel. A pooler has no such process yet, and
    invents a number.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    return driver.get_server_pid() != await driver.fetchval("SELECT pg_backend_pid()")
