"""``testing.app()``: an application in memory, with its own registry and a movable clock, for your pytest."""

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
    """Application in memory for tests, yielded by :func:`app`."""

    async def crash_after_each_commit(
        self, workflow: str | Declaration[Any, Any], payload: Any, *, compare: Compare = outcome
    ) -> list[CrashedRun]:
        """Run a workflow repeatedly, killing its worker at each commit in turn, and assert an equal result.

        It runs once without a fault. Then, for each of its commits, twice more: the worker dies just before the commit,
        so that the step runs again, and just after it, so that the step must not. A checkpoint, of an agent's call or
        of ``ctx.checkpoint``, is such a commit too: before it the call is made again, after it it is not. Another
        worker goes on; waits are skipped. Each run has a store of its own. Returns the runs, so that you can assert
        their external effects.

        Raises AssertionError, naming the step at whose commit the worker died, if ``compare`` then returns another
        value for the result. A step with such an ``on_interrupt`` is parked, or undone, and one that died in an
        at-most-once tool asks a person: they are not compared then.
        """
        plan = await self.catalog.find(workflow, self.store)
        plans = {**self.workflows, plan.name: plan}  # one may be a child of another

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
    """Yield an open application with a running worker, all in memory; isolated from all others.

    ``handlers`` is a module or a registry; without one only the workflows' own activities are served, so that tests do
    not share the global registry.
    """
    async with Environment(handlers, workflows, lease) as environment, environment.worker():
        yield environment
