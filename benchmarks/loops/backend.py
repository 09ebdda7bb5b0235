"""Which operations a URL stands for, and how work comes in: from the store itself, or over a broker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

from loops.hops import AmqpConnection, Done, Hop, Start, Steps


class Backend:
    """Steps, and perhaps a broker that announces them. As in Paigeant, acknowledged at the lease."""

    def __init__(self, steps: Steps, line: AmqpConnection | None) -> None:
        """Join them."""
        self.steps = steps
        self._line = line

    async def start(self, starts: list[Start]) -> None:
        """Record runs, and announce them."""
        await self.steps.start(starts)
        if self._line is not None:
            await self._line.publish([(f"{one.run}:1", one.body) for one in starts])

    async def take(self, limit: int) -> list[Hop]:
        """Wait for work and lease it."""
        if self._line is None:
            while not (hops := await self.steps.claim(limit)):
                await self.steps.wait()
            return hops
        arrived = await self._line.receive(limit)
        keys = [name.split(":") for _, name in arrived]
        hops = await self.steps.lease([(UUID(run), int(position)) for run, position in keys])
        await self._line.ack([receipt for receipt, _ in arrived])
        return hops

    async def finish(self, done: list[Done]) -> list[Hop]:
        """Record results; returns the steps that follow, leased already."""
        return await self.steps.finish(done)


@asynccontextmanager
async def backend(store: str, transport: str | None) -> AsyncIterator[Backend]:
    """Open what these URLs name, new and empty."""
    async with AsyncExitStack() as stack:
        steps: Any = await stack.enter_async_context(_steps(store))
        line: Any = None if transport is None else await stack.enter_async_context(_line(transport))
        yield Backend(steps, line)


def _steps(url: str) -> Any:
    if url.startswith("sqlite"):
        from loops.sqlite import SqliteSteps  # noqa: PLC0415  (what is not used is not loaded)

        return SqliteSteps(url.removeprefix("sqlite:///"))
    from loops.postgres import PostgresSteps  # noqa: PLC0415

    return PostgresSteps(url)


def _line(url: str) -> Any:
    if url.startswith("redis"):
        from loops.redis import RedisLine  # noqa: PLC0415

        return RedisLine(url)
    from loops.rabbitmq import RabbitLine  # noqa: PLC0415

    return RabbitLine(url)
