"""How commands reach the application: open it, ask, close it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from paigeant.app import Handlers, Paigeant
from paigeant.config import Settings

T = TypeVar("T")


def ask(question: Callable[[Paigeant], Awaitable[T]], *, settings: Settings | None = None) -> T:
    """Return the answer of a question to an open application without handlers."""
    return asyncio.run(ask_within(question, None, settings))


async def ask_within(
    question: Callable[[Paigeant], Awaitable[T]], handlers: Handlers | None, settings: Settings | None
) -> T:
    """As :func:`ask`, with handlers, inside an event loop."""
    async with Paigeant(handlers, settings=settings) as app:
        return await question(app)
