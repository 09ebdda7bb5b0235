"""Events of what goes between workers, stores and brokers; :mod:`paigeant.model.events` has them too."""

from __future__ import annotations

from dataclasses import dataclass

from paigeant.model.hops import Leased


@dataclass(frozen=True, slots=True)
class Received:
    """Steps were leased together and begin: those whose messages opened; ``seconds`` from asking for them."""

    worker: str
    leased: tuple[Leased, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Sent:
    """The broker has the messages that follow a step, those of these topics, ``seconds`` after they were written."""

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
    """A broker delivered a message; whether it may be executed, the store decides."""

    topic: str
    message_id: str
    size: int


@dataclass(frozen=True, slots=True)
class BatchCommitted:
    """Writes that came together were committed in one transaction of the store of this name."""

    store: str
    writes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """A connection to the store or broker of this name was lost, or is not to be used any more; it is recreated."""

    name: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class ConnectionRestored:
    """The store or broker of this name answers again, after so many attempts."""

    name: str
    attempts: int


@dataclass(frozen=True, slots=True)
class QueueRebuilt:
    """A queue of the broker could not be used any more and was recreated; its messages are announced again."""

    queue: str
    reason: str
