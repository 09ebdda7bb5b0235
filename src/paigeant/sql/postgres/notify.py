"""Nudges between processes over PostgreSQL: LISTEN and NOTIFY, outside of every commit and never relied upon.

A NOTIFY inside a commit takes a lock that puts all notifying commits of the database in a row, so it is sent behind it,
at most ten times a second; its payload says whether there may be work. Where nothing is heard (behind a pooler that
keeps no session, or while the connection is away) whoever waits looks once a second.
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
"""Seconds between two nudges of one process, at least."""

_BLIND: Final = 1.0
"""Seconds between two looks of who waits while nothing can be heard."""

_HEARING: Final = 60.0
"""The same while nudges are heard: a connection may be dead without anybody's knowing."""

_PATIENT: Final = 2.0
"""Seconds between two attempts to connect, at most: until then the others, who may hear already, hear nothing of us."""

_FAREWELL: Final = 2.0
"""Seconds for the last nudge of a process."""


class NotifyListener(Changes):
    """Changes that processes tell each other of."""

    def __init__(self, engine: AsyncEngine, namespace: str) -> None:
        """Talk, over one connection of this engine, with those of the same namespace."""
        super().__init__()
        self._engine = engine
        self._channel = f"paigeant_{hashlib.sha256(namespace.encode()).hexdigest()[:16]}"
        self._hears = False
        self._unsent = News.NOTHING
        self._dirty = asyncio.Event()
        self._lost = asyncio.Event()
        self._talking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen, and to send what is to be sent."""
        self._talking = asyncio.create_task(self._talk(), name="paigeant-nudges")

    def send(self, news: News = News.WORK) -> None:
        """Something was committed here: wake who waits in this process, and soon those of others."""
        if news is not News.NOTHING:
            self.note(news)
            self._unsent = max(self._unsent, news)
            self._dirty.set()

    def reconnect(self) -> None:
        """Give the connection up and make another: this one may lead to a server that nobody else talks to any more."""
        self._lost.set()

    @property
    def floor(self) -> float:
        """Seconds after which who waits should look, whether or not a nudge was heard."""
        return _HEARING if self._hears else _BLIND

    async def _wait(self, wanted: News, timeout: float) -> None:
        """Wait, but no longer than ``floor``."""
        await super()._wait(wanted, min(timeout, self.floor))

    async def close(self) -> None:
        """Send what is not sent yet, neither listen nor send any longer, and wake who still waits.

        A command that commits one thing and ends would otherwise have nobody look at it for up to a minute.
        """
        if self._talking is not None:
            self._talking.cancel()
            with suppress(asyncio.CancelledError):
                await self._talking
        if self._unsent is not News.NOTHING:
            with suppress(Exception):  # nudges are a convenience
                async with asyncio.timeout(_FAREWELL), self._engine.connect() as connection:
                    driver: Any = (await connection.get_raw_connection()).driver_connection
                    await self._tell(driver)
        await super().close()

    async def _talk(self) -> None:
        """Keep a connection that listens and sends, for as long as it takes."""
        backoff = Backoff(_SELDOM, _PATIENT)
        while True:
            try:
                async with self._engine.connect() as connection:
                    backoff.reset()
                    try:
                        await self._converse(connection)
                    finally:
                        await connection.invalidate()  # it listens: nobody else may have it
            except Exception:  # noqa: BLE001  (nudges are a convenience; the next connection may do better)
                self._hears = False
            self.note()
            await backoff.pause()

    async def _converse(self, connection: AsyncConnection) -> None:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        self._lost = lost = asyncio.Event()
        driver.add_termination_listener(lambda *_: lost.set())  # pyright: ignore[reportUnknownLambdaType]
        # A pooler would let this session listen on behalf of whoever has it next.
        self._hears = not await is_pooled(connection)
        if self._hears:
            await driver.add_listener(self._channel, self._heard)
        self.note()  # what was said before we listened
        while not lost.is_set():
            await until_first(self._dirty.wait(), lost.wait())
            if self._dirty.is_set() and not lost.is_set():
                self._dirty.clear()
                await self._tell(driver)
                await asyncio.sleep(_SELDOM)
        self._hears = False

    async def _tell(self, driver: Any) -> None:
        """Send what is unsent; it stays so if this is cut short."""
        news, self._unsent = self._unsent, News.NOTHING
        try:
            await driver.execute(f"NOTIFY {self._channel}, '{news.name}'")
        except BaseException:
            self._unsent = max(self._unsent, news)
            raise

    def _heard(self, connection: Any, pid: int, channel: str, payload: str) -> None:
        """Pass on what another process has said; what this one says itself, who waits here knows already."""
        del channel
        if pid != connection.get_server_pid():
            self.note(News.CHANGE if payload == News.CHANGE.name else News.WORK)


async def is_pooled(connection: AsyncConnection) -> bool:
    """Tell whether a pooler, as PgBouncer, hands each transaction to any of its sessions.

    A server tells whoever connects the number of the process that serves it, to be named in a request to cancel. A
    pooler has no such process yet, and makes a number up.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    return driver.get_server_pid() != await driver.fetchval("SELECT pg_backend_pid()")
