"""Checks of a RabbitMQ server: version, permissions of the user, and acceptance of messages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aio_pika import Message

from paigeant.errors import ConfigError
from paigeant.model.checks.findings import Finding
from paigeant.transports.rabbitmq.connection import AmqpConnection

OLDEST: Final = (3, 10)
"""The oldest version with dead lettering at least once."""

RIGHTS: Final = r"'^paigeant:' '^(amq\.default$|paigeant:)' '^paigeant:'"
"""Required permissions: configure, write and read. ``amq.default`` is the exchange that routes directly to a queue:
messages are published there, and so are, by the broker, dead letters."""

TAKES: Final = 3.0
"""Alarm check: seconds within which a broker without an alarm takes a message."""


async def examine(connection: AmqpConnection, queue: str) -> list[Finding]:
    """Return the findings; ``queue`` is created, tested and deleted again."""
    async with connection.limits():
        opened = await connection.connect()
        properties: Mapping[str, Any] = getattr(opened.transport, "connection").server_properties  # noqa: B009
    version = _text(properties.get("version", ""))
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST:
        said = f"RabbitMQ is version {version or 'unknown'}"
        return [Finding.problem("version", said, "3.10 or newer is needed")]
    return [Finding.ok("version", f"RabbitMQ {version}"), *await _try(connection, queue)]


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, (bytes, bytearray)) else str(value)


async def _try(connection: AmqpConnection, queue: str) -> list[Finding]:
    try:
        async with connection.channel() as channel, connection.limits():
            await channel.declare_queue(queue, exclusive=True)
            try:
                async with asyncio.timeout(TAKES):
                    await connection.put(queue, Message(b""))
            except TimeoutError:
                said = "RabbitMQ takes no messages: it has an alarm of memory or disk, or is very slow"
                takes = Finding.warning(
                    "room", said, "look at `rabbitmq-diagnostics alarms`; messages wait in the store"
                )
            else:
                takes = Finding.ok("room", "it takes messages: no alarm of memory or disk")
    except ConfigError as error:
        fix = f"rabbitmqctl set_permissions -p VHOST USER {RIGHTS}"
        return [Finding.problem("rights", str(error), fix)]
    return [Finding.ok("rights", "this user may declare queues and write to them"), takes]
