"""The proxy does to a connection what it is asked to, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import ClassVar

import pytest

from chaos.proxy import Proxy, Way


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while line := await reader.readline():
                writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with Proxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy
        for client in Client.all:
            client.writer.transport.abort()
        Client.all.clear()
    server.close()


class Client:
    """A connection through the proxy."""

    all: ClassVar[list[Client]] = []

    def __init__(self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self.reader, self.writer = streams
        self.all.append(self)

    @classmethod
    async def of(cls, proxy: Proxy) -> Client:
        return cls(await asyncio.open_connection("127.0.0.1", proxy.port))

    async def ask(self, text: str, patience: float = 2.0) -> str:
        self.writer.write(f"{text}\n".encode())
        async with asyncio.timeout(patience):
            return (await self.reader.readline()).decode().strip()


async def test_it_passes_everything_on(proxy: Proxy) -> None:
    client = await Client.of(proxy)

    assert [await client.ask(word) for word in ("one", "two")] == ["one", "two"]
    client.writer.write_eof()
    assert await client.reader.read() == b""


@pytest.mark.parametrize("way", list(Way))
async def test_what_is_held_arrives_when_it_is_released(proxy: Proxy, way: Way) -> None:
    client = await Client.of(proxy)
    proxy.hold({way})

    with pytest.raises(TimeoutError):
        await client.ask("late", patience=0.2)

    proxy.release()
    assert (await client.reader.readline()).strip() == b"late"


async def test_a_cut_resets_and_a_new_connection_works(proxy: Proxy) -> None:
    client = await Client.of(proxy)
    await client.ask("one")
    proxy.cut()

    with pytest.raises(ConnectionResetError):
        await client.ask("two")
    assert await (await Client.of(proxy)).ask("three") == "three"


async def test_a_lost_answer_resets_the_connection_once(proxy: Proxy) -> None:
    proxy.losing = 1
    client = await Client.of(proxy)

    with pytest.raises(ConnectionResetError):
        await client.ask("one")
    assert await (await Client.of(proxy)).ask("two") == "two"


async def test_it_refuses_while_it_is_told_to(proxy: Proxy) -> None:
    proxy.refusing = True
    with pytest.raises(ConnectionResetError):
        await (await Client.of(proxy)).ask("one")

    proxy.refusing = False
    assert await (await Client.of(proxy)).ask("two") == "two"


async def test_latency_is_added(proxy: Proxy) -> None:
    proxy.latency = 0.2
    client, loop = await Client.of(proxy), asyncio.get_running_loop()
    began = loop.time()

    await client.ask("slowly")

    assert loop.time() - began >= 0.4
