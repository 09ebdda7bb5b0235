"""Availability of a PostgreSQL server: whether it answers, and whether it still is the intended one.

After a failover behind one address the old server may go on answering, as a replica or read-only. Its connections look
healthy, so that a pool would keep them until it recycles them, half an hour later, and every write would fail until
then. So an error that means "wrong server" invalidates all connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine

from paigeant.abc import Reporter
from paigeant.errors import ConfigError, PaigeantError, Unavailable
from paigeant.model.events import ConnectionLost, ConnectionRestored
from paigeant.sql.execution.failures import is_of_wrong_server, lacks_right

_MADE: Final = "paigeant_made"
"""Time at which a connection was made, in the pool's info of the connection."""

REPLICA: Final = "paigeant_replica"
"""True if the server was a replica when the connection was made, in the same info. A server must restart to become a
replica, which ends its connections."""


class Availability:
    """Availability of the server, and the time since which connections to it are valid. Also used by heart threads."""

    def __init__(self, name: str) -> None:
        """Watch the server of this name."""
        self._name = name
        self._failures = 0
        self._valid_since = 0.0
        self.replica = False
        """True if the server was a replica when the store was opened, as for a store that only reads."""

    def open(self, reporter: Reporter, reconnect: Callable[[], None]) -> None:
        """Report to this reporter from now on; ``reconnect`` is called when connections become invalid."""
        self._loop = asyncio.get_running_loop()
        self._reporter = reporter
        self._reconnect = reconnect

    def watch(self, engine: AsyncEngine) -> None:
        """Invalidate connections in this engine's pool that were made before the server was found to be wrong."""
        event.listen(engine.sync_engine, "connect", self._made)
        event.listen(engine.sync_engine, "checkout", self._refuse_old)

    def _made(self, connection: Any, entry: Any) -> None:
        entry.info[_MADE] = monotonic()
        entry.info[REPLICA] = connection.run_async(_is_replica)

    def _refuse_old(self, _: Any, entry: Any, __: Any) -> None:
        if entry.info.get(_MADE, 0.0) < self._valid_since:
            raise InvalidatePoolError  # the pool makes a new one instead

    def require_role(self, *, replica: bool) -> None:
        """Raise Unavailable if the server became a replica: its data is, and stays, out of date."""
        if replica and not self.replica:
            self._leave()
            raise Unavailable(f"{self._name} does not answer as the primary server any more: it is a replica")

    @contextmanager
    def noted(self) -> Generator[None]:
        """Record the result of a transaction; errors are translated already."""
        try:
            yield
        except (ConfigError, Unavailable) as error:
            cause = error.__cause__
            if isinstance(cause, DBAPIError) and is_of_wrong_server(cause):
                self._leave()
            if lacks_right(cause):
                raise  # the server answers, and other statements are let through: the connection is not lost
            self._failures += 1
            if self._failures == 1:
                self._tell(self._report_lost, error)
            raise
        if self._failures:
            attempts, self._failures = self._failures, 0
            self._tell(self._report_restored, attempts)

    def _leave(self) -> None:
        self._valid_since = monotonic()
        self._tell(self._reconnect)

    def _report_lost(self, error: PaigeantError) -> None:
        if self._reporter.wants(ConnectionLost):
            self._reporter.report(ConnectionLost(self._name, error))

    def _report_restored(self, attempts: int) -> None:
        if self._reporter.wants(ConnectionRestored):
            self._reporter.report(ConnectionRestored(self._name, attempts))

    def _tell(self, call: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)


async def _is_replica(driver: Any) -> bool:
    try:
        return bool(await driver.fetchval("SELECT pg_is_in_recovery()"))
    except Exception as error:
        raise ConnectionError(str(error)) from error  # an error class of the driver, unknown to others
