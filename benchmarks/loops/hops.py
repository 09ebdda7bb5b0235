"""What the loops pass to each other."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol
from uuid import UUID


class Hop(NamedTuple):
    """A step that is to be done: its run, where it stands, who may do it, and the message that says so."""

    run: UUID
    position: int
    fence: int
    body: bytes


class Start(NamedTuple):
    """A run that begins."""

    run: UUID
    input: bytes
    body: bytes


class Done(NamedTuple):
    """A step that was done: its result, and the message of the next one, if there is one."""

    hop: Hop
    result: bytes
    following: bytes | None


class Steps(Protocol):
    """Where runs and steps are kept. What is answered is durable."""

    async def start(self, starts: list[Start]) -> None:
        """Record runs and their first steps."""
        ...

    async def claim(self, limit: int) -> list[Hop]:
        """Lease what is due, without waiting."""
        ...

    async def lease(self, keys: list[tuple[UUID, int]]) -> list[Hop]:
        """Lease these steps, as far as they are free."""
        ...

    async def finish(self, done: list[Done]) -> list[Hop]:
        """Record results in one transaction; returns the steps that follow, leased already."""
        ...

    async def wait(self) -> None:
        """Return when something may be due."""
        ...

    async def completed(self) -> tuple[int, int]:
        """Return how many runs and how many steps are recorded as completed."""
        ...


class AmqpConnection(Protocol):
    """A broker that carries messages."""

    async def publish(self, bodies: list[tuple[str, bytes]]) -> None:
        """Send messages, each under its id; returns when the broker has them."""
        ...

    async def receive(self, limit: int) -> list[tuple[Any, str]]:
        """Wait for messages; returns for each its receipt and its id."""
        ...

    async def ack(self, receipts: list[Any]) -> None:
        """Say that they have arrived."""
        ...
