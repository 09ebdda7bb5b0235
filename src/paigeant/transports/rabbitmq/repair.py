"""Mending queues that lost their leader: they are there, and nobody can consume them."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from aio_pika import exceptions as amqp
from aio_pika.abc import AbstractIncomingMessage

from paigeant.aio.race import cancel
from paigeant.errors import PaigeantError
from paigeant.transports.rabbitmq.connection import AmqpConnection

LEADER: Final = 3.0
"""Seconds within which a queue lets somebody consume. One that is recovered has elected its leader within two."""

_LOG: Final = logging.getLogger("paigeant")
_MENDED: Final = (
    "%s had lost its leader and is made anew; its messages are announced again. Should this be said of it again and "
    "again, restart the RabbitMQ node: it cannot start the queue, and its log says why"
)


class Mender:
    """Looks at queues that did not answer, and deletes those without a leader, so that they are made anew.

    A broker that is killed within two seconds of a queue's first declaration forgets what log belongs to it. Started
    again it gives the queue an empty log, and a new member of a cluster that waits, for ever, to be told of a leader
    (RabbitMQ 3.10 to 4.2, with and without dead lettering). What was in the queue is announced again from the store.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self._looking: dict[str, asyncio.Task[None]] = {}

    def look_at(self, queue: str) -> asyncio.Task[None]:
        """Return the look at this queue that is under way, or a new one. It ends without an error, whatever it saw."""
        looking = self._looking.get(queue)
        if looking is None:
            looking = self._looking[queue] = asyncio.create_task(self._look_at(queue), name="paigeant-mending")
            looking.add_done_callback(lambda _: self._looking.pop(queue, None))
        return looking

    async def close(self) -> None:
        """Look no further."""
        await cancel(self._looking.values())

    async def _look_at(self, queue: str) -> None:
        line, probe = AmqpConnection(self._url, self._name), AmqpConnection(self._url, self._name)
        try:
            await _mend(line, probe, queue)
        except PaigeantError as error:
            _LOG.warning("%s does not answer, and why cannot be seen: %s", queue, error)
        finally:
            await asyncio.gather(line.close(), probe.close())


def is_broken(error: Exception) -> bool:
    """Tell whether a queue that was declared, and answered this to whoever would consume it, has no leader."""
    return isinstance(error, TimeoutError) or str(error).startswith("INTERNAL_ERROR")


async def _mend(line: AmqpConnection, probe: AmqpConnection, queue: str) -> None:
    """Delete a queue that cannot be consumed; ``probe`` may break of it."""
    async with line.channel() as channel:
        async with line.patience():
            try:
                # Nobody else can declare this one: of all who miss the leader, one looks, and one deletes.
                await channel.declare_queue(f"{queue}:mending", exclusive=True)
                await channel.declare_queue(queue, passive=True)
            except amqp.ChannelClosed as error:
                if str(error).startswith(("RESOURCE_LOCKED", "NOT_FOUND")):
                    return
                raise
        if not await _has_leader(probe, queue):
            async with line.patience():
                await channel.queue_delete(queue)
            _LOG.warning(_MENDED, queue)


async def _has_leader(line: AmqpConnection, name: str) -> bool:
    """Tell whether one may consume: only the leader can say so. What is delivered meanwhile goes back."""

    async def leave(_: AbstractIncomingMessage) -> None:
        pass

    async with line.channel() as channel, line.patience():
        await channel.set_qos(prefetch_count=1)
        queue = await channel.get_queue(name, ensure=False)
        try:
            async with asyncio.timeout(LEADER):
                await queue.consume(leave)
        except (TimeoutError, amqp.ConnectionClosed) as error:
            if not is_broken(error):
                raise
            return False
    return True
