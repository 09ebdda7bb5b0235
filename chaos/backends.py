"""The backends: which store, which broker, and a proxy before each server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from yarl import URL

from chaos.proxy import Proxy
from chaos.reading import PostgresReader, Reader, SqliteReader
from chaos.servers.postgres import Postgres
from chaos.servers.rabbitmq import RabbitMQ
from chaos.servers.redis import RedisServer
from chaos.servers.server import Server
from paigeant import Paigeant
from paigeant.config import Settings

BACKENDS: Final = ("sqlite", "postgres", "redis+postgres", "rabbitmq+postgres", "redis+sqlite")

Broker = RedisServer | RabbitMQ


@dataclass
class Backend:
    """A store and perhaps a broker, running. The URLs of workers lead through proxies; ``direct_store`` does not."""

    name: str
    reader: Reader
    store: str
    direct_store: str
    transport: str | None = None
    broker: Broker | None = None
    servers: list[Server] = field(default_factory=list)
    proxies: dict[str, Proxy] = field(default_factory=dict)

    def has(self, where: str) -> bool:
        """Tell whether a crash point is there."""
        return {"always": True, "broker": self.broker is not None, "sqlite": "sqlite" in self.name}[where]


@asynccontextmanager
async def running(name: str, folder: Path) -> AsyncGenerator[Backend]:
    """Start what a backend needs, in this folder; end it all at the end."""
    broker_name, _, store_name = name.rpartition("+")
    async with AsyncExitStack() as stack:
        if store_name == "sqlite":
            url = f"sqlite:///{folder}/store/paigeant.db"
            await Paigeant(settings=Settings(store=url)).administration.upgrade_schema()
            backend = Backend(name, SqliteReader(folder / "store" / "paigeant.db"), url, url)
        else:
            postgres = Postgres(folder)
            await _start(stack, postgres)
            await Paigeant(settings=Settings(store=postgres.url)).administration.upgrade_schema()
            backend = Backend(name, PostgresReader(postgres.url), postgres.url, postgres.url)
            backend.store = await _before(stack, backend, postgres)
        if broker_name:
            broker = backend.broker = RedisServer(folder) if broker_name == "redis" else RabbitMQ(folder)
            await _start(stack, broker)
            backend.transport = await _before(stack, backend, broker)
        yield backend


async def _start(stack: AsyncExitStack, server: Server) -> None:
    await server.prepare()
    stack.push_async_callback(server.stop)
    await server.start()


async def _before(stack: AsyncExitStack, backend: Backend, server: Server) -> str:
    """Put a proxy before a server; returns the URL that leads through it."""
    proxy = await stack.enter_async_context(Proxy(server.port))
    backend.servers.append(server)
    backend.proxies[server.name] = proxy
    return str(URL(server.url).with_port(proxy.port))
