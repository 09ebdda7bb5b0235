"""Contract of transports: publish, subscribe, acknowledge and reject messages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Collection
from typing import NamedTuple

from paigeant.abc.resource import Resource
from paigeant.model.hops import Sealed


class Delivery(NamedTuple):
    """A message as a transport delivered it."""

    message_id: str
    topic: str
    body: bytes


class Transport(Resource):
    """Moves sealed messages, at least once. It may lose, duplicate and reorder them: the store decides what counts."""

    @abstractmethod
    async def publish(self, topic: str, message: Sealed) -> None:
        """Hand the message to the broker; when this returns the broker has it. A repeat may deliver it twice."""

    @abstractmethod
    def subscribe(self, topics: Collection[str]) -> AsyncGenerator[Delivery, None]:
        """Yield messages that arrive for these topics, each to one subscriber, until it is closed (``aclose``).

        Redelivery: a message that was yielded and not acknowledged is delivered again, to this or another subscriber,
        once its subscriber is gone. Prefetch limit: a subscriber with more than a hundred unsettled messages may get no
        more until some are settled.
        """

    @abstractmethod
    async def ack(self, message_id: str) -> None:
        """Acknowledge all deliveries of this id that were yielded here; unknown ids are ignored."""

    @abstractmethod
    async def reject(self, message_id: str, reason: str) -> None:
        """Settle all deliveries of this id, and keep the message in the broker's dead-letter queue."""

    @abstractmethod
    async def depth(self, topic: str) -> int:
        """Return the queue depth: the approximate number of messages that wait for this topic."""
