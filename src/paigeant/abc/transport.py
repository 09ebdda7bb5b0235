"""Transport contract: how messages travel."""

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
    """Moves sealed messages, at least once. It may lose, double and reorder them: the store decides what counts."""

    @abstractmethod
    async def publish(self, topic: str, message: Sealed) -> None:
        """Hand the message to the broker; when this returns the broker has it. A repeat may deliver it twice."""

    @abstractmethod
    def subscribe(self, topics: Collection[str]) -> AsyncGenerator[Delivery, None]:
        """Yield what arrives for these topics, each message to one subscriber, until it is closed (``aclose``).

        Redelivery: what was yielded and not acknowledged is delivered again, here or elsewhere, after its subscriber is
        gone. Prefetch limit: a subscriber with more than a hundred unsettled messages may be given no more until some
        are settled.
        """

    @abstractmethod
    async def ack(self, message_id: str) -> None:
        """Settle all deliveries of this id that were yielded here; unknown ids are ignored."""

    @abstractmethod
    async def reject(self, message_id: str, reason: str) -> None:
        """Settle them and keep the message with the broker's dead letters."""

    @abstractmethod
    async def depth(self, topic: str) -> int:
        """Return how many messages wait for this topic, about."""
