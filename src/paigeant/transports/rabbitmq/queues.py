"""Queues of a namespace: their names, and the arguments that they are declared with."""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple

from aio_pika.abc import AbstractChannel, AbstractQueue

DEAD_LETTERS: Final = 100_000
"""Dead-letter limit of a namespace; the newest are kept."""

WAITING: Final = 1_000_000
"""Queue limit: messages that may wait for a topic. Further ones are refused, and announced again when there may be
room."""

DELIVERIES: Final = 20
"""Delivery limit: times that a message may come back unsettled. High, because its neighbours count too: the store
counts attempts."""


class Queues(NamedTuple):
    """The names of a namespace's queues. Colons, which no name of ours may hold, keep namespaces apart."""

    namespace: str

    @property
    def dead(self) -> str:
        """The queue of the dead letters."""
        return f"paigeant:{self.namespace}:dead"

    @property
    def examined(self) -> str:
        """Return the name of a queue of nobody else, to try what may be done."""
        return f"paigeant:{self.namespace}:examined:{secrets.token_hex(4)}"

    def of(self, topic: str) -> str:
        """Return the queue of a topic."""
        return f"paigeant:{self.namespace}:q:{topic}"

    async def declare(self, channel: AbstractChannel, name: str) -> AbstractQueue:
        """Make a queue, and the one for its dead letters, unless they are there."""
        kept: dict[str, str | int] = {"x-queue-type": "quorum", "x-max-length": DEAD_LETTERS}
        dead = await channel.declare_queue(self.dead, durable=True, arguments=dict(kept))
        if name == self.dead:
            return dead
        # reject-publish: without it a full queue drops its oldest messages, and the broker has confirmed them. At least
        # once for dead letters: by default one is lost if the broker dies in between, and needs reject-publish as well.
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
