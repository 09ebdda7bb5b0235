"""Redis, which writes to disk about each second, so that a kill loses what came last."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from chaos.orders import NAMESPACE
from chaos.servers.server import Server


class RedisServer(Server):
    """A server of its own, with one database."""

    name = "redis"
    can_be_demoted = True

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        """What starts it."""
        found = shutil.which("redis-server")
        if found is None:
            text = "no redis-server here: install it (on Debian: apt-get install redis-server)"
            raise RuntimeError(text)
        written = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        return [found, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), *written]

    async def answers(self) -> bool:
        """Tell whether it answers, with all that was on its disk."""
        with suppress(RedisError):
            return bool(await self.tell("PING"))
        return False

    async def tell(self, *words: str) -> Any:
        """Return the answer to one command."""

        def ask() -> Any:
            with Redis(port=self.port, decode_responses=True, socket_timeout=5) as redis:
                return redis.execute_command(*words)

        return await asyncio.to_thread(ask)

    async def demote(self) -> None:
        """Become a replica of a master that nobody can reach: reads go on, writes are refused."""
        await self.tell("REPLICAOF", "127.0.0.1", "1")

    async def promote(self) -> None:
        """Be a master again, with what it had."""
        await self.tell("REPLICAOF", "NO", "ONE")

    async def empty(self) -> None:
        """Throw away all that it holds."""
        await self.tell("FLUSHALL")

    async def left(self) -> dict[str, int]:
        """Return what waits in each queue, delivered or not, as far as it is not nothing."""
        waiting: dict[str, int] = {}
        for key in await self.tell("KEYS", f"pg:{{{NAMESPACE}}}:q:*"):
            waiting[key] = int(await self.tell("XLEN", key))
            for group in await self.tell("XINFO", "GROUPS", key):
                facts = group if isinstance(group, dict) else dict(zip(group[::2], group[1::2], strict=True))
                waiting[f"{key} pending"] = int(facts["pending"])
        return {name: count for name, count in waiting.items() if count}
