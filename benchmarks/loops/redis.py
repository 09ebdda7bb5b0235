"""Messages over a Redis stream, by redis-py: several in one round trip, each way."""

from __future__ import annotations

from typing import Any, Self

from redis.asyncio import Redis

QUEUE = "bench:queue"
GROUP = "bench"


class RedisLine:
    """Two connections: one that waits for messages, one for all else."""

    def __init__(self, url: str) -> None:
        """Connect when first used."""
        self._talking: Redis = Redis.from_url(url)
        self._waiting: Redis = Redis.from_url(url, socket_timeout=None)

    async def __aenter__(self) -> Self:
        """Make the stream again."""
        await self._talking.delete(QUEUE)
        await self._talking.xgroup_create(QUEUE, GROUP, id="0", mkstream=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self._talking.aclose()
        await self._waiting.aclose()

    async def publish(self, bodies: list[tuple[str, bytes]]) -> None:
        """Send messages, each under its id; returns when the broker has them."""
        pipeline = self._talking.pipeline(transaction=False)
        for name, body in bodies:
            pipeline.xadd(QUEUE, {"id": name, "body": body})
        await pipeline.execute()

    async def receive(self, limit: int) -> list[tuple[Any, str]]:
        """Wait for messages; returns for each its receipt and its id."""
        answer: Any = await self._waiting.xreadgroup(GROUP, "me", {QUEUE: ">"}, count=limit, block=0)
        [[_, entries]] = answer
        return [(receipt, fields[b"id"].decode()) for receipt, fields in entries]

    async def ack(self, receipts: list[Any]) -> None:
        """Say that they have arrived."""
        pipeline = self._talking.pipeline(transaction=False)
        pipeline.xack(QUEUE, GROUP, *receipts)
        pipeline.xdel(QUEUE, *receipts)
        await pipeline.execute()
