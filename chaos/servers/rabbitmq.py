"""RabbitMQ, a node with a name, ports and folders of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

import aio_pika
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity

from chaos.load import TOPICS
from chaos.orders import NAMESPACE
from chaos.servers.server import Server, free_port

_PROGRAMS: Final = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/sbin/rabbitmq-server")

_LED: Final = 5.0
"""Seconds after which a node that was started has a leader for each queue."""


class RabbitMQ(Server):
    """A node of its own, alone in its cluster."""

    name = "rabbitmq"

    def __init__(self, folder: Path) -> None:
        """Live in this folder."""
        super().__init__(folder)
        self._inner_port = free_port()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def command(self) -> list[str]:
        """What starts it."""
        found = next((path for path in _PROGRAMS if Path(path).exists()), None)
        if found is None:
            text = "no rabbitmq-server here: install it (on Debian: apt-get install rabbitmq-server)"
            raise RuntimeError(text)
        return [found]

    def environment(self) -> dict[str, str]:
        """Return what keeps it apart from other nodes of this machine."""
        here = {
            "NODENAME": f"chaos-{self.port}@localhost",
            "NODE_PORT": str(self.port),
            "NODE_IP_ADDRESS": "127.0.0.1",
            "DIST_PORT": str(self._inner_port),
            "MNESIA_BASE": str(self.folder / "data"),
            "LOG_BASE": str(self.folder / "log"),
            "ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "CONFIG_FILE": str(self.folder / "config"),
            "PID_FILE": str(self.folder / "pid"),
        }
        return {"HOME": str(self.folder)} | {f"RABBITMQ_{key}": value for key, value in here.items()}

    async def answers(self) -> bool:
        """Tell whether it lets somebody in."""
        with socket.create_connection(("127.0.0.1", self.port), 1):
            pass  # the client would log that nobody listens
        with suppress(AMQPError, TimeoutError):
            async with await aio_pika.connect(self.url, timeout=3):
                return True
        return False

    async def empty(self) -> None:
        """Delete all queues of the load, with what is in them; not while they get their leaders (decision 8)."""
        await asyncio.sleep(_LED)
        async with await aio_pika.connect(self.url, timeout=10) as connection, connection.channel() as channel:
            for topic in TOPICS:
                await channel.queue_delete(queue_of(topic))

    async def left(self) -> dict[str, int]:
        """Return what waits in each queue; what is delivered and not settled is seen once nobody consumes any more."""
        waiting: dict[str, int] = {}
        async with await aio_pika.connect(self.url, timeout=10) as connection:
            for topic in TOPICS:
                async with connection.channel() as channel:
                    with suppress(ChannelNotFoundEntity):
                        queue = await channel.declare_queue(queue_of(topic), passive=True)
                        waiting[queue.name] = queue.declaration_result.message_count or 0
        return {name: count for name, count in waiting.items() if count}

    async def kill(self) -> None:
        """End all of its processes as a power cut would."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        await self._gone()

    def _ask_to_end(self) -> None:
        with suppress(OSError, ValueError):
            os.kill(int((self.folder / "pid").read_text()), signal.SIGTERM)


def queue_of(topic: str) -> str:
    """Return the name of a topic's queue."""
    return f"paigeant:{NAMESPACE}:q:{topic}"
