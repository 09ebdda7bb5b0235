"""Each sentence of the specification holds on every backend."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.config import Settings

Serve = Callable[..., Awaitable[Paigeant]]


@pytest.fixture
def registry() -> ActivityRegistry:
    return ActivityRegistry()


BACKENDS = ["memory", "sqlite", "postgres", "redis+postgres", "rabbitmq+postgres"]
REDIS_SQLITE = pytest.param("redis+sqlite", marks=pytest.mark.slow)
"""In the slow tests only: its store and its transport are in other pairs too."""


@pytest.fixture
def in_place() -> set[str]:
    """Return the names of activities that the test's workflows declare in place."""
    return set()


@pytest.fixture(params=[*BACKENDS, REDIS_SQLITE])
def settings(request: pytest.FixtureRequest, tmp_path: Any, registry: ActivityRegistry, in_place: set[str]) -> Settings:
    if request.param == "memory":
        return Settings(store="memory://", transport="memory://", grace=1, lease=2)
    if request.param.startswith("redis+"):
        sqlite = request.param.endswith("sqlite")
        store = f"sqlite:///{tmp_path}/paigeant.db" if sqlite else request.getfixturevalue("shared_postgres")
        corner = request.getfixturevalue("redis_corner")
        return Settings(store=store, transport=corner.url, namespace=corner.name, grace=1, lease=2)
    if request.param == "rabbitmq+postgres":
        store, rabbitmq = request.getfixturevalue("shared_postgres"), request.getfixturevalue("rabbitmq")
        rabbitmq.topics = (name for names in (registry, in_place) for name in names)  # whatever there is at its end
        return Settings(store=store, transport=rabbitmq.url, namespace=rabbitmq.space(), grace=1, lease=2)
    if request.param == "postgres":
        space = f"specification-{secrets.token_hex(6)}"
        store = request.getfixturevalue("shared_postgres")
        return Settings(store=store, transport=None, namespace=space, grace=1, lease=2)
    return Settings(store=f"sqlite:///{tmp_path}/paigeant.db", transport=None, grace=1, lease=2)


@pytest.fixture
async def serve(registry: ActivityRegistry, settings: Settings, in_place: set[str]):
    """Open an application over the registry, with a worker unless asked otherwise; all is closed after the test."""
    async with AsyncExitStack() as stack:

        async def opened(*workflows: Workflow, worker: bool = True) -> Paigeant:
            in_place.update(name for workflow in workflows for name in workflow.registry)
            app = Paigeant(registry, workflows=workflows, settings=settings)
            await stack.enter_async_context(app)
            if worker:
                await stack.enter_async_context(app.worker())
            return app

        yield opened
