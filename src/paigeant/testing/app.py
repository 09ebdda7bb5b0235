"""``testing.app()``: everything in memory and a registry of its own, for a user's pytest."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from types import ModuleType

from paigeant.activities.registry import ActivityRegistry
from paigeant.app import Paigeant, Workflow
from paigeant.config import Settings


@asynccontextmanager
async def app(
    handlers: ModuleType | ActivityRegistry | None = None, *, workflows: Iterable[Workflow] = (), lease: float = 15.0
) -> AsyncGenerator[Paigeant]:
    """Yield an open application with a worker running, all in memory; nothing of it is seen by any other.

    ``handlers`` is a module or a registry; without one nothing but the workflows' own activities is served, so that
    tests do not meet in the global registry. Retries wait as long as their policies say: give steps short ones.
    """
    settings = Settings(store="memory://", transport="memory://", lease=lease, grace=1.0)
    paigeant = Paigeant(handlers or ActivityRegistry(), workflows=workflows, settings=settings)
    async with paigeant, paigeant.worker():
        yield paigeant
