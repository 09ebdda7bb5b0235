"""Queues of a namespace: their names and declaration arguments."""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple

from aio_pika.abc import AbstractChannel, AbstractQueue

DEAD_LETTERS: Final = 100_000
"""Dead-letter limit of a namespace; the newest are kept."""

WAITING: Final = 1_000_000
"""Queue limit: messages that may wait for a topic. Further ones are refused, and announced again later."""

DELIVERIES: Final = 20
"""Delivery limit: number of times that a message may return unsettled. High, because a return of other prefetched
messages counts too: the store counts the attempts."""


class Queues(NamedTuple):
    """Queue names of a namespace. Colons, which our own names cannot contain, separate namespaces."""

    namespace: str

    @property
    def dead(self) -> str:
        """Dead-letter queue."""
        return f"paigeant:{self.namespace}:dead"

    @property
    def examined(self) -> str:
        """Return a unique queue name for testing permissions."""
        return f"paigeant:{self.namespace}:examined:{secrets.token_hex(4)}"

    def of(self, topic: str) -> str:
        """Return the queue of a topic."""
        return f"paigeant:{self.namespace}:q:{topic}"

    async def declare(self, channel: AbstractChannel, name: str) -> AbstractQueue:
        """Declare a queue, and its dead-letter queue, unless they exist."""
        kept: dict[str, str | int] = {"x-queue-type": "quorum", "x-max-length": DEAD_LETTERS}
        dead = await channel.declare_queue(self.dead, durable=True, arguments=dict(kept))
        if name == self.dead:
            return dead
        # reject-publish: without it a full queue drops its oldest messages, which were confirmed. At-least-once dead
        # lettering: by default a dead letter is lost if the broker dies in between; it needs reject-publish as well.
        arguments: dict[str, str | int] = {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERIES,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.dead,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            "x-max-length": WAITING,
        }
        return await channel.declare_queue(name, durable=True, arguments=dict(arguments))
