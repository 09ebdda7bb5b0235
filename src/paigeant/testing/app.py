"""``testing.app()``: everything in memory, a registry of its own, and a time that can be moved on, for your pytest."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

from paigeant.activities.registry import ActivityRegistry
from paigeant.app import Workflow
from paigeant.app.declaration import Declaration
from paigeant.errors import InvalidInput
from paigeant.model.checks.options import checked, spelled
from paigeant.testing.crashes import Compare, CrashedRun, crash_at_each_commit, outcome
from paigeant.testing.stage import Stage


@spelled(InvalidInput)
class Environment(Stage):
    """What :func:`app` yields: an application in memory that can be put to the test."""

    async def crash_after_each_commit(
        self, workflow: str | Declaration[Any, Any], payload: Any, *, compare: Compare = outcome
    ) -> list[CrashedRun]:
        """Run a workflow again and again, its worker dying at each commit in turn, and assert that it ends the same.

        It runs once without a fault. Then, for each of its commits, twice more: the worker dies just before the commit,
        so that the step runs again, and just after, so that the step must not. A checkpoint, of an agent's call or of
        ``ctx.checkpoint``, is such a commit too: before it the call is made again, after it it is not. Another worker
        goes on; waits are skipped. Each run has a store of its own. Returns the runs, so that you can assert what they
        did outside.

        Raises AssertionError naming the step at whose commit the worker died, if ``compare`` then makes something else
        of the result. A step that asked for it with ``on_interrupt`` is parked, or undone, and one that died in a tool
        that is called at most once asks a person: they are not compared then.
        """
        plan = await self.catalog.find(workflow, self.store)
        plans = {**self.workflows, plan.name: plan}  # one may run within another

        def stage() -> Stage:
            return Stage(self.registry, plans.values(), self.settings.lease)

        return await crash_at_each_commit(stage, plan.name, payload, compare)


@checked("testing.app")
@asynccontextmanager
async def app(
    handlers: ModuleType | ActivityRegistry | None = None,
    *,
    workflows: Iterable[Workflow[Any, Any]] = (),
    lease: float = 15.0,
) -> AsyncGenerator[Environment]:
    """Yield an open application with a worker running, all in memory; nothing of it is seen by any other.

    ``handlers`` is a module or a registry; without one nothing but the workflows' own activities is served, so that
    tests do not meet in the global registry.
    """
    async with Environment(handlers, workflows, lease) as environment, environment.worker():
        yield environment
