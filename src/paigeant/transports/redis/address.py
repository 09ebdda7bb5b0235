"""Address of a Redis server: its URL, and the connection pools."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from paigeant.errors import ConfigError

TIMEOUT: Final = 5.0
"""Command timeout in seconds; longer than any blocking command."""

_EXAMPLE: Final = "redis://user:password@host:6379/0"
_FILES: Final = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})


class RedisAddress:
    """A Redis by its URL; raises ConfigError for one that cannot be read. Nothing is connected yet."""

    def __init__(self, url: str) -> None:
        self._secure = url.startswith("rediss:")
        self._arguments = _read_url(url)
        secure = ", with TLS," if self._secure else ""
        self.name: str = "Redis at {host}:{port}/{db}".format_map(self._arguments) + secure

    def pool(self, connections: int) -> Any:
        """Return a pool of connections, opened on demand. They never repeat a command by themselves."""
        # A command whose answer was lost may have been executed: the client's own retries would duplicate messages.
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


def _read_url(url: str) -> dict[str, Any]:
    """Return the options of a connection; raises ConfigError without the URL, which may contain a password."""
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
    except OSError:  # not a valid file name
        return False


def _read_database(path: str) -> int:
    digits = path.removeprefix("/") or "0"
    if not digits.isdecimal():
        text = "a database is a number"
        raise ValueError(text)
    return int(digits)
