"""Agents run through the engine, all in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from paigeant import ActivityRegistry, RunResult, Workflow, testing

Run = Callable[..., Awaitable[RunResult]]


@pytest.fixture
def registry() -> ActivityRegistry:
    return ActivityRegistry()


@pytest.fixture
def run(registry: ActivityRegistry) -> Run:
    """Run a workflow of these steps on this input, to its end."""

    async def through(steps: list[Any], payload: Any = None) -> RunResult:
        workflow = Workflow("w", steps)
        async with testing.app(registry, workflows=[workflow]) as app:
            return await (await app.dispatch(workflow, payload)).result(timeout=20)

    return through
