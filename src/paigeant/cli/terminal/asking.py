"""Access of commands to the application: open it, run a question, close it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from paigeant.app import Handlers, Paigeant
from paigeant.app.operating.deeds import acting
from paigeant.config import Settings

T = TypeVar("T")


def ask(question: Callable[[Paigeant], Awaitable[T]], *, settings: Settings | None = None) -> T:
    """Return the answer of a question to an open application without handlers; it creates nothing."""

    async def answer() -> T:
        async with Paigeant(settings=settings, create=False) as app:
            return await question(app)

    with acting(via="cli"):
        return asyncio.run(answer())


async def ask_within(
    question: Callable[[Paigeant], Awaitable[T]], handlers: Handlers | None, settings: Settings | None
) -> T:
    """Ask as :func:`ask`, with handlers, inside an event loop, for a question that may create the store."""
    async with Paigeant(handlers, settings=settings) as app:
        return await question(app)
