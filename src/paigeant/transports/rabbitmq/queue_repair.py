"""Queue repair: rebuilds quorum queues without a leader, which exist but cannot be consumed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aio_pika import exceptions as amqp
from aio_pika.abc import AbstractIncomingMessage

from paigeant.abc import Reporter
from paigeant.aio.race import cancel
from paigeant.errors import PaigeantError
from paigeant.model.events import QueueRebuilt, Trouble
from paigeant.transports.rabbitmq.address import RabbitMQAddress
from paigeant.transports.rabbitmq.connection import AmqpConnection

LEADER: Final = 3.0
"""Election timeout: seconds within which a queue with a leader accepts a consumer. A recovered queue elects its leader
within two."""

_REASON: Final = (
    "it had lost its leader; its messages are announced again. Should this be said of it again and again, restart the "
    "RabbitMQ node: it cannot start the queue, and its log says why"
)


class QueueRepair:
    """Checks queues that did not answer, and deletes those without a leader, so that they are recreated.

    A broker that is killed within two seconds of a queue's first declaration forgets which log belongs to it. After a
    restart it gives the queue an empty log, and a new member of a cluster that waits, for ever, for a leader (RabbitMQ
    3.10 to 4.2, with and without dead lettering). Lost messages are announced again from the store.
    """

    def __init__(self, address: RabbitMQAddress, name: str, reporter: Callable[[], Reporter]) -> None:
        self._address, self._name, self._reporter = address, name, reporter
        self._looking: dict[str, asyncio.Task[None]] = {}

    def look_at(self, queue: str) -> asyncio.Task[None]:
        """Return the running check of this queue, or a new one. It ends without an error, whatever it finds."""
        looking = self._looking.get(queue)
        if looking is None:
            looking = self._looking[queue] = asyncio.create_task(self._look_at(queue), name="paigeant-queue-repair")
            looking.add_done_callback(lambda _: self._looking.pop(queue, None))
        return looking

    async def close(self) -> None:
        """Stop all checks."""
        await cancel(self._looking.values())

    async def _look_at(self, queue: str) -> None:
        connection, probe = AmqpConnection(self._address, self._name), AmqpConnection(self._address, self._name)
        reporter = self._reporter()
        try:
            if await _rebuild(connection, probe, queue) and reporter.wants(QueueRebuilt):
                reporter.report(QueueRebuilt(queue, _REASON))
        except PaigeantError as error:
            if reporter.wants(Trouble):
                reporter.report(Trouble(None, f"looking why {queue} does not answer", error))
        finally:
            await asyncio.gather(connection.close(), probe.close())


def is_broken(error: Exception) -> bool:
    """True if this answer to a consumer means that the declared queue has no leader."""
    return isinstance(error, TimeoutError) or str(error).startswith("INTERNAL_ERROR")


async def _rebuild(connection: AmqpConnection, probe: AmqpConnection, queue: str) -> bool:
    """Delete a queue that cannot be consumed, and return True if it was one; ``probe`` may be closed by this.

    Its next user declares it again. An exclusive queue is the lock: of two concurrent repairs one could otherwise
    delete a queue that the other has just declared and filled.
    """
    async with connection.channel() as channel:
        async with connection.limits():
            try:
                await channel.declare_queue(f"{queue}:repair", exclusive=True)
                await channel.declare_queue(queue, passive=True)
            except amqp.ChannelClosed as error:
                if str(error).startswith(("RESOURCE_LOCKED", "NOT_FOUND")):
                    return False
                raise
        if await _has_leader(probe, queue):
            return False
        async with connection.limits():
            await channel.queue_delete(queue)
        return True


async def _has_leader(connection: AmqpConnection, name: str) -> bool:
    """True if the queue can be consumed, which only a leader can confirm. Messages delivered meanwhile return."""

    async def leave(_: AbstractIncomingMessage) -> None:
        pass

    async with connection.channel() as channel, connection.limits():
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
