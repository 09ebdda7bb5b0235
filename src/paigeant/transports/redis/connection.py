"""Connection to Redis: commands over a small pool, with Paigeant's errors. The client's weak types end here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from redis import exceptions as failed
from redis.asyncio import Redis

from paigeant.aio.race import cancel
from paigeant.transports.redis.address import RedisAddress
from paigeant.transports.redis.failures import is_of_wrong_server, translate

Command = tuple[str | bytes | int, ...]

_OPTIONAL: Final = frozenset({"INFO", "CLIENT", "CONFIG"})
"""Optional commands: a missing permission for one is no error of the server."""

LEAVING: Final = 10.0
"""Drain timeout: seconds for pending commands on connections to a wrong server."""


class _Pool:
    """The client, its connections, and their pending commands."""

    def __init__(self, address: RedisAddress, connections: int) -> None:
        self.connections = address.pool(connections)
        self.client: Any = Redis(connection_pool=self.connections)
        self.client.response_callbacks.clear()  # raw answers, independent of the client's version
        self.under_way: set[asyncio.Task[Any]] = set()

    def track(self, task: asyncio.Task[Any]) -> None:
        self.under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.under_way.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio would warn that it was never retrieved

    async def idle(self, within: float) -> bool:
        if self.under_way:
            await asyncio.wait(self.under_way, timeout=within)
        return not self.under_way

    async def close(self, within: float) -> None:
        try:
            await self.idle(within)
        finally:  # also if the caller is cancelled: no connection may leak
            await cancel(self.under_way)
            with suppress(failed.RedisError, OSError):
                await self.connections.disconnect()


class RedisConnection:
    """Commands to a server over a limited number of connections.

    A command that was sent is never cancelled, since its answer would be taken for the next one's: a caller that gives
    up leaves it behind, and it ends by itself, within its timeout.

    Once the server says that it is the wrong one, all connections are dropped, not only the one that said so: after a
    failover behind one address each of them leads to the old server, as long as that answers.
    """

    def __init__(self, address: RedisAddress, connections: int) -> None:
        self._address = address
        self._connections = connections
        self._pool = _Pool(address, connections)
        self._leaving: dict[asyncio.Task[None], _Pool] = {}

    @property
    def name(self) -> str:
        """Display name of the server."""
        return self._address.name

    async def ask(self, *command: str | bytes | int) -> Any:
        """Return the answer to one command."""
        return await self._do(self._pool.client.execute_command(*command), optional=command[0] in _OPTIONAL)

    async def ask_all(self, *commands: Command) -> Sequence[Any]:
        """Return the answers to commands that are executed together, in one MULTI."""
        pipeline = self._pool.client.pipeline(transaction=True)
        for command in commands:
            pipeline.execute_command(*command)
        return await self._do(pipeline.execute())

    async def _do(self, asking: Any, *, optional: bool = False) -> Any:
        pool = self._pool
        task: asyncio.Task[Any] = asyncio.create_task(asking)
        pool.track(task)
        try:
            return await asyncio.shield(task)
        except (failed.RedisError, OSError) as error:
            if not optional:
                self._leave_wrong_server(error, pool)
            raise translate(self.name, error) from error

    def translate_answer(self, text: str) -> Exception:
        """Return the server's error text for one of several commands as one of our errors."""
        error = failed.ResponseError(text)
        self._leave_wrong_server(error, self._pool)
        return translate(self.name, error)

    def _leave_wrong_server(self, error: Exception, pool: _Pool) -> None:
        if is_of_wrong_server(error) and pool is self._pool:  # else another command has done so already
            self._pool = _Pool(self._address, self._connections)
            leaving = asyncio.create_task(pool.close(LEAVING), name="paigeant-redis-leaving")
            self._leaving[leaving] = pool
            leaving.add_done_callback(self._leaving.pop)

    async def idle(self, within: float) -> bool:
        """Return True as soon as no command is pending, False after this many seconds."""
        return await self._pool.idle(within)

    async def close(self, within: float = 0.0) -> None:
        """Close all connections; pending commands have this many seconds to end."""
        await self._pool.close(within)
        left = list(self._leaving.values())
        await cancel(self._leaving)
        for pool in left:  # a task cancelled before its first turn has closed nothing
            await pool.close(0.0)
