"""The backends that are compared, and a new and empty place on one of them for each contestant."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import asyncpg
import servers
from environments import Missing
from redis import Redis
from servers import Server
from workload import Job


class Backend(NamedTuple):
    """A store, and perhaps a broker beside it."""

    name: str
    store: str
    transport: str | None = None


SQLITE = Backend("SQLite", "sqlite")
POSTGRES = Backend("PostgreSQL", "postgresql")
REDIS = Backend("Redis + PostgreSQL", "postgresql", "redis")
RABBITMQ = Backend("RabbitMQ + PostgreSQL", "postgresql", "rabbitmq")
ALL = (SQLITE, POSTGRES, REDIS, RABBITMQ)

STARTS = {
    "postgresql": servers.postgres,
    "redis": servers.redis,
    "rabbitmq": servers.rabbitmq,
    "restate": servers.restate,
}


class Places:
    """Servers that are started when first asked for, and folders and databases on them."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        """Keep everything below ``root``, and stop the servers with ``stack``."""
        self._root = root
        self._stack = stack
        self._servers: dict[str, Server] = {}
        self._missing: dict[str, Missing] = {}

    def server(self, kind: str) -> Server:
        """Return the server, started if it is not running yet. Raises Missing."""
        if kind in self._missing:
            raise self._missing[kind]
        if kind not in self._servers:
            folder = self._root / f"{kind}-server"
            folder.mkdir()
            try:
                self._servers[kind] = self._stack.enter_context(STARTS[kind](folder))
            except Missing as error:
                self._missing[kind] = error
                raise
        return self._servers[kind]

    @contextmanager
    def place(self, backend: Backend, job: Job, *, ours: bool) -> Iterator[tuple[Job, Path]]:
        """Yield the job with the addresses of a new place, and an empty folder; with our tables if it is for us."""
        folder = self._root / secrets.token_hex(4)
        folder.mkdir()
        used = [self.server(kind) for kind in (backend.store, backend.transport) if kind and kind != "sqlite"]
        store = self._store(backend.store, folder, ours=ours)
        transport = None if backend.transport is None else self.server(backend.transport).url
        yield replace(job, store=store, transport=transport, servers=tuple(server.pid for server in used)), folder

    def _store(self, kind: str, folder: Path, *, ours: bool) -> str:
        if kind == "sqlite":
            return f"sqlite:///{folder}/steps.db"
        if kind == "postgresql":
            return self._database(ours=ours)
        url = self.server(kind).url
        if kind == "redis":
            with Redis.from_url(url) as redis:
                redis.flushdb()
        return url

    def _database(self, *, ours: bool) -> str:
        server = self.server("postgresql")
        name = f"bench_{secrets.token_hex(4)}"
        asyncio.run(_tell(server.url, f"CREATE DATABASE {name}"))
        url = server.url.removesuffix("postgres") + name
        if ours:
            environment = os.environ | {"PAIGEANT_STORE": url}
            command = [sys.executable, "-m", "paigeant", "db", "upgrade"]
            subprocess.run(command, env=environment, check=True, cwd=self._root, capture_output=True)
        return url


async def _tell(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()
