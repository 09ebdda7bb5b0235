"""What a RabbitMQ is asked about itself: its version, what this user may do, and whether it takes messages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aio_pika import Message

from paigeant.errors import ConfigError
from paigeant.model.findings import Finding
from paigeant.transports.rabbitmq.connection import AmqpConnection

OLDEST: Final = (3, 10)
"""The oldest version with dead lettering at least once."""

TAKES: Final = 3.0
"""Seconds within which a broker without an alarm takes a message."""


async def examine(line: AmqpConnection, queue: str) -> list[Finding]:
    """Return what was found; ``queue`` is made, tried and gone again."""
    async with line.patience():
        connection = await line.connect()
        translate_errors: Mapping[str, Any] = getattr(connection.transport, "connection").server_properties  # noqa: B009
    version = _text(translate_errors.get("version", ""))
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST:
        said = f"RabbitMQ is version {version or 'unknown'}"
        return [Finding.problem("version", said, "3.10 or newer is needed")]
    return [Finding.ok("version", f"RabbitMQ {version}"), *await _try(line, queue)]


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, (bytes, bytearray)) else str(value)


async def _try(line: AmqpConnection, queue: str) -> list[Finding]:
    try:
        async with line.channel() as channel, line.patience():
            await channel.declare_queue(queue, exclusive=True)
            try:
                async with asyncio.timeout(TAKES):
                    await line.put(queue, Message(b""))
            except TimeoutError:
                said = "RabbitMQ takes no messages: it has an alarm of memory or disk, or is very slow"
                takes = Finding.warning(
                    "room", said, "look at `rabbitmq-diagnostics alarms`; messages wait in the store"
                )
            else:
                takes = Finding.ok("room", "it takes messages: no alarm of memory or disk")
    except ConfigError as error:
        mend = "let it configure, write and read `paigeant:.*`"
        return [Finding.problem("rights", str(error), mend)]
    return [Finding.ok("rights", "this user may declare queues and write to them"), takes]
