"""One Redis: its URL, the connections to it, and its errors in our words. The client's weak types end here."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from redis import exceptions as failed
from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from paigeant.aio.race import cancel
from paigeant.errors import ConfigError, Unavailable

TIMEOUT: Final = 5.0
"""Seconds that a command may take; more than any of them blocks."""

_EXAMPLE: Final = "redis://user:password@host:6379/0"
_FILES: Final = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
_WAIT: Final = {
    "OOM": "its memory is full: messages wait in the store until there is room",
    "MISCONF": "it cannot write to its disk",
    "READONLY": "it is a replica, which takes no messages",
    "MASTERDOWN": "it is a replica that has lost its master",
    "NOREPLICAS": "it has fewer replicas than it was told to have",
    "CLUSTERDOWN": "its cluster is down",
    "TRYAGAIN": "its cluster is moving keys",
    "BUSY": "it is busy with a script",
    "LOADING": "it is loading its data",
}
_SHORT: Final[dict[type[Exception], str]] = {
    failed.OutOfMemoryError: "OOM",
    failed.ReadOnlyError: "READONLY",
    failed.ClusterDownError: "CLUSTERDOWN",
    failed.MasterDownError: "MASTERDOWN",
    failed.TryAgainError: "TRYAGAIN",
    failed.BusyLoadingError: "LOADING",
}
"""The codes of errors from whose texts the client has cut them off."""


class GroupGone(Exception):
    """A stream, or its group, is not there: never made, or flushed away."""


class GroupThere(Exception):
    """The group was made before."""


_GROUP: Final = {"NOGROUP": GroupGone, "UNBLOCKED": GroupGone, "BUSYGROUP": GroupThere}
_CLUSTER: Final = (failed.AskError, failed.ClusterCrossSlotError)
_MEND: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...]] = (
    ((failed.AuthenticationError, failed.AuthorizationError), "", "refuses this user name or password"),
    (failed.NoPermissionError, "", "does not give this user enough rights"),
    (failed.InvalidResponse, "", "is no Redis"),
    (failed.RedisError, "rotocol error", "is no Redis"),
    (failed.ConnectionError, "SSL", "cannot be reached with TLS as asked for"),
    (failed.ConnectionError, "certificate", "cannot be reached with TLS as asked for"),
    (_CLUSTER, "", "is a node of a cluster, which is not supported; name a single server"),
    (failed.ResponseError, "", "cannot be used"),
)
"""What waiting does not mend: the error's class, a word of its text, and what it means. The first that fits counts."""


class Server:
    """A Redis by its URL; raises ConfigError for one that cannot be read. Nothing is connected yet."""

    def __init__(self, url: str) -> None:
        self._secure = url.startswith("rediss:")
        self._arguments = _read_url(url)
        self.name = "Redis at {host}:{port}/{db}".format_map(self._arguments) + (", with TLS," if self._secure else "")

    def pool(self, connections: int) -> Any:
        """Return connections, to be made when they are needed. They never repeat a command by themselves."""
        # A command whose answer was lost may have been done: the client's own retries would make two messages of one.
        return BlockingConnectionPool(
            connection_class=SSLConnection if self._secure else Connection,
            max_connections=connections,
            timeout=TIMEOUT,  # pyright: ignore[reportArgumentType]  (a float will do)
            retry=Retry(NoBackoff(), 0),
            socket_timeout=TIMEOUT,
            socket_connect_timeout=3.0,
            socket_keepalive=True,
            health_check_interval=15,
            protocol=2,
            driver_info=None,
            **self._arguments,
        )

    def translated(self, said: str) -> Exception:
        """Return what the server said about a single command in our words."""
        return translated(self.name, failed.ResponseError(said))

    @contextmanager
    def translate_errors(self) -> Generator[None]:
        """Turn the errors of this server into ours: ``Unavailable`` to wait for, ``ConfigError`` to mend."""
        try:
            yield
        except (failed.RedisError, OSError) as error:
            raise translated(self.name, error) from error


class Line:
    """Commands to a server over at most so many connections.

    One that was sent is never cancelled, for its answer would be taken for the next one's: who gives up waiting leaves
    it behind, and it ends by itself, within its time.
    """

    def __init__(self, server: Server, connections: int) -> None:
        self._server = server
        self._pool = server.pool(connections)
        self._client: Any = Redis(connection_pool=self._pool)
        self._client.response_callbacks.clear()  # answers as the server gave them, whatever the client's version
        self._under_way: set[asyncio.Task[Any]] = set()

    async def ask(self, *command: str | bytes | int) -> Any:
        """Return the answer to one command."""
        return await self._do(asyncio.create_task(self._client.execute_command(*command)))

    async def ask_all(self, *commands: tuple[str | bytes | int, ...]) -> list[Any]:
        """Return the answers to commands that are done together, in one MULTI."""
        pipeline = self._client.pipeline(transaction=True)
        for command in commands:
            pipeline.execute_command(*command)
        return await self._do(asyncio.create_task(pipeline.execute()))

    async def _do(self, task: asyncio.Task[Any]) -> Any:
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        with self._server.translate_errors():
            return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, or asyncio would complain of one that nobody waited for

    async def idle(self, within: float) -> bool:
        """Return True as soon as no command is under way, False after so many seconds."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=within)
        return not self._under_way

    async def close(self, within: float = 0.0) -> None:
        """Close all connections; commands under way have so many seconds to end."""
        await self.idle(within)
        await cancel(self._under_way)
        with suppress(failed.RedisError, OSError):
            await self._pool.disconnect()


def translated(name: str, error: Exception) -> Exception:
    """Return a failure as one of ours, or as it is if it is a mistake of this program."""
    text = (str(error) or type(error).__name__).splitlines()[0]
    code = _SHORT.get(type(error), text.split(" ", 1)[0])
    if code in _WAIT:
        return Unavailable(f"{name} takes no messages: {_WAIT[code]}")
    if code in _GROUP:
        return _GROUP[code](text)
    for kinds, word, why in _MEND:
        if isinstance(error, kinds) and word in text:
            return ConfigError(f"{name} {why}: {text}")
    away = isinstance(error, (failed.ConnectionError, failed.TimeoutError, OSError))
    return Unavailable(f"{name} does not answer: {text}") if away else error


def _read_url(url: str) -> dict[str, Any]:
    """Return what a connection needs; raises ConfigError without the URL, for a password may be in it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "localhost", parts.port or 6379
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        arguments: dict[str, Any] = {"host": host, "port": port, "db": _read_database(parts.path)}
    except ValueError:
        text = f"this is no Redis URL; it should look like {_EXAMPLE}, with %-escapes in user name and password"
        raise ConfigError(text) from None
    if parts.username:
        arguments["username"] = unquote(parts.username)
    if parts.password:
        arguments["password"] = unquote(parts.password)
    for name, value in options.items():
        if name not in _FILES or parts.scheme != "rediss":
            text = f"the Redis URL has an unknown {name!r}; allowed are {', '.join(sorted(_FILES))}, with rediss://"
            raise ConfigError(text)
        if not _is_file(value):
            text = f"the Redis URL's {name} names {value!r}, where there is no file"
            raise ConfigError(text)
    return arguments | options


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # no name that a folder could hold
        return False


def _read_database(path: str) -> int:
    digits = path.removeprefix("/") or "0"
    if not digits.isdecimal():
        text = "a database is a number"
        raise ValueError(text)
    return int(digits)
