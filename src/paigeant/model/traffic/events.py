"""Events of the traffic between workers, stores and brokers; :mod:`paigeant.model.events` re-exports them."""

from __future__ import annotations

from dataclasses import dataclass

from paigeant.model.hops import Leased


@dataclass(frozen=True, slots=True)
class Received:
    """Steps were leased together and begin: those whose messages opened; the claim took ``seconds``."""

    worker: str
    leased: tuple[Leased, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Sent:
    """The broker has the messages that follow a step, of these topics, ``seconds`` after they were written."""

    worker: str
    leased: Leased
    topics: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Published:
    """A message was handed to the broker, which took ``seconds`` to confirm it."""

    topic: str
    message_id: str
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Delivered:
    """A broker delivered a message; the store decides whether it may be executed."""

    topic: str
    message_id: str
    size: int


@dataclass(frozen=True, slots=True)
class BatchCommitted:
    """Writes that arrived together were committed in one transaction of the store of this name."""

    store: str
    writes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """A connection to the store or broker of this name was lost, or is not usable any more; it is recreated."""

    name: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class ConnectionRestored:
    """The store or broker of this name answers again, after this many attempts."""

    name: str
    attempts: int


@dataclass(frozen=True, slots=True)
class QueueRebuilt:
    """A queue of the broker was not usable any more and was recreated; its messages are announced again."""

    queue: str
    reason: str
