"""``Paigeant``: dispatches and reads runs, and executes them if asked to. Parts are chosen here and nowhere else."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from difflib import get_close_matches
from types import ModuleType
from typing import Any, Final, Self
from uuid import UUID

from paigeant.abc import Hooks, Store, Transport
from paigeant.activities.registry import ActivityRegistry
from paigeant.app.administration import Administration
from paigeant.app.choosing import choose_codec, choose_store, choose_transport
from paigeant.app.declaration import Declaration
from paigeant.app.handlers import Handlers, read_handlers
from paigeant.app.inputs import as_json
from paigeant.app.options import check_parts, check_workflow, read_span
from paigeant.app.readiness import require_ready
from paigeant.app.run import Run
from paigeant.config import Settings, load_settings
from paigeant.engine.dispatcher import DispatchOptions, dispatch
from paigeant.engine.hooks import GuardedHooks
from paigeant.engine.runtime import Runtime
from paigeant.engine.worker import ActivityWorker, WorkerOptions
from paigeant.errors import ConfigError, InvalidInput, RegistrationError, UnknownRun, UnknownStep, UnknownWorkflow
from paigeant.model.checks.options import checked
from paigeant.model.plan import Plan
from paigeant.model.runs import RunPage, RunStatus
from paigeant.model.values.durations import Duration
from paigeant.telemetry.logs import LogHooks

_TOGETHER: Final = 500
"""Runs that dispatch_many records in one transaction."""


class Paigeant:
    """An open door to one store and namespace.

    ``handlers`` is a module, whose registries and workflows are taken, those in its lists and dicts too; a registry; or
    what :func:`~paigeant.app.load_handlers` loaded. Without it, the global ``activity``.
    ``workflows`` adds declarations and plans. Use it as ``async with``; the store and the transport are those of the
    settings, by default one SQLite file in ``.paigeant``. What happens is logged by ``logging`` under ``paigeant``, and
    shown to the ``hooks``.
    """

    @checked("Paigeant")
    def __init__(
        self,
        handlers: ModuleType | ActivityRegistry | Handlers | None = None,
        *,
        workflows: Iterable[Declaration | Plan] = (),
        settings: Settings | None = None,
        hooks: Hooks | Sequence[Hooks] = (),
    ) -> None:
        """Choose the parts; nothing is opened yet. Raises ConfigError and RegistrationError."""
        given = check_parts(handlers, workflows, settings)
        self.settings: Settings = settings or load_settings()
        found = read_handlers(handlers)
        self.registry: ActivityRegistry = found.registry
        self.workflows: dict[str, Plan] = dict(self.settings.plans)
        for workflow in [*found.workflows, *given]:
            self._add(workflow)
        self.registry.check()
        self._hooks = GuardedHooks([LogHooks(), *([hooks] if isinstance(hooks, Hooks) else hooks)])
        self._stack = AsyncExitStack()
        self._runtime: Runtime | None = None

    async def __aenter__(self) -> Self:
        """Open store and transport; raises Unavailable or ConfigError."""
        store, transport = self._choose()
        store.reporter = self._hooks
        if transport is not None:
            transport.reporter = self._hooks
        codec = choose_codec(self.settings)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(store)
            if transport is not None:
                await stack.enter_async_context(transport)
            self._stack = stack.pop_all()
        lease = timedelta(seconds=self.settings.lease)
        stall = timedelta(seconds=self.settings.stall_timeout)
        self._runtime = Runtime(store, codec, self.registry, _owner(), lease, transport, self._hooks, stall=stall)
        return self

    def _choose(self) -> tuple[Store, Transport | None]:
        """Return the store and the transport of the settings, not opened yet."""
        return choose_store(self.settings), choose_transport(self.settings)

    async def __aexit__(self, *_: object) -> None:
        """Close what was opened."""
        self._runtime = None
        await self._stack.aclose()

    @property
    def runtime(self) -> Runtime:
        """The parts in use; raises ConfigError outside of ``async with``."""
        if self._runtime is None:
            text = "Paigeant is not open: use it as `async with Paigeant(...) as app:`"
            raise ConfigError(text)
        return self._runtime

    @property
    def store(self) -> Store:
        """The open store, for reading runs."""
        return self.runtime.store

    @checked("dispatch", InvalidInput)
    async def dispatch(
        self,
        workflow: str | Declaration,
        payload: Any,
        *,
        dispatch_key: str | None = None,
        deadline: Duration | None = None,
        tenant: str | None = None,
    ) -> Run:
        """Record a run of a workflow, declared here or published by a worker, and return its handle.

        When this returns the run is durable and will be executed by whoever serves its steps. ``payload`` is anything
        that pydantic can write as JSON. The same ``dispatch_key`` in a workflow gives the same run. ``deadline`` is
        from now, by the store's clock: seconds, a timedelta, or text as ``"1h30m"``.

        Raises UnknownWorkflow, UnknownStep, InvalidInput, DispatchConflict and Unavailable.
        """
        check_workflow(workflow, "dispatch")
        limit = None if deadline is None else read_span("deadline", deadline, "dispatch")
        options = DispatchOptions(dispatch_key, limit, tenant)
        [started] = await dispatch(self.runtime, await self._plan(workflow), [as_json(payload)], options)
        return Run(self.runtime, started.workflow_id)

    @checked("dispatch_many", InvalidInput)
    async def dispatch_many(
        self, workflow: str | Declaration, payloads: Iterable[Any], *, tenant: str | None = None
    ) -> list[Run]:
        """Record a run for each payload, 500 in a transaction; returns their handles in order.

        All inputs are checked before the first is written.
        """
        check_workflow(workflow, "dispatch_many")
        plan = await self._plan(workflow)
        inputs = [as_json(payload) for payload in payloads]
        runs: list[Run] = []
        for first in range(0, len(inputs), _TOGETHER):
            group = inputs[first : first + _TOGETHER]
            started = await dispatch(self.runtime, plan, group, DispatchOptions(tenant=tenant))
            runs += [Run(self.runtime, answer.workflow_id) for answer in started]
        return runs

    def run(self, workflow_id: str | UUID) -> Run:
        """Return the handle of a run; raises UnknownRun for what is no id."""
        try:
            return Run(self.runtime, workflow_id if isinstance(workflow_id, UUID) else UUID(workflow_id))
        except ValueError as error:
            text = f"no run {workflow_id!r}: a workflow_id looks like 01890a5d-ac96-774b-bcce-b302099a8057"
            raise UnknownRun(text) from error

    async def list_runs(
        self, *, status: RunStatus | None = None, workflow: str | None = None, limit: int = 50, after: str | None = None
    ) -> RunPage:
        """Return a page of runs, newest first; ``after`` is the ``next`` of the page before.

        Raises InvalidInput for an ``after`` that no page gave.
        """
        return await self.store.list_runs(status=status, workflow=workflow, limit=limit, after=after)

    @property
    def administration(self) -> Administration:
        """What an operator does to the installation: its schema, its health, old runs, dead letters."""
        return Administration(self.settings, lambda: self.runtime)

    @asynccontextmanager
    async def worker(
        self, *, activities: Collection[str] | None = None, concurrency: int | None = None
    ) -> AsyncGenerator[ActivityWorker]:
        """Execute steps in the background while inside; leaving it stops gracefully.

        Serves the activities named, or all, and publishes them and the workflows. Raises UnknownStep for a name that is
        not registered, and ConfigError for a store or transport that is not fit to be worked with.
        """
        topics = tuple(self.registry) if activities is None else tuple(dict.fromkeys(activities))
        for name in topics:
            if name not in self.registry:
                there = ", ".join(sorted(self.registry)) or "none"
                text = f"no activity {name!r} to serve; there are: {there}"
                raise UnknownStep(text)
        if not topics:
            text = "nothing to serve: no activity is registered; decorate a function with @activity.execute()"
            raise RegistrationError(text)
        await require_ready(self.runtime, self.settings.env)
        cards = [self.registry[name].card for name in topics]
        await self.store.publish_catalog(list(self.workflows.values()), cards)
        await self._warn_of_unknown_steps()
        grace = timedelta(seconds=self.settings.grace)
        options = WorkerOptions(topics, concurrency or self.settings.concurrency, grace)
        runtime = replace(self.runtime, owner=_owner())  # several workers of one process must not be taken for one
        async with ActivityWorker(runtime, options) as worker:
            yield worker

    async def _warn_of_unknown_steps(self) -> None:
        for plan in self.workflows.values():
            foreign = {s.activity for s in plan.itinerary if not s.elsewhere and s.activity not in self.registry}
            for name in sorted(foreign - (await self.store.find_cards(foreign)).keys()):
                error = UnknownStep(f"no worker has published the step {name!r} yet, and it is not served here")
                self.runtime.trouble(f"serving workflow {plan.name!r}", error)

    def _add(self, workflow: Declaration | Plan) -> None:
        plan = workflow if isinstance(workflow, Plan) else workflow.plan
        known = self.workflows.get(plan.name)
        if known is not None and known != plan:
            text = f"workflow {plan.name!r} is declared twice, with different steps; give one of them another name"
            raise RegistrationError(text)
        if isinstance(workflow, Declaration):
            self.registry.include(workflow.registry)
        self.workflows[plan.name] = plan

    async def _plan(self, workflow: str | Declaration) -> Plan:
        if isinstance(workflow, Declaration):
            if self.workflows.get(workflow.name) is not workflow.plan:
                self._add(workflow)
            return workflow.plan
        plan = self.workflows.get(workflow) or await self.store.find_plan(workflow)
        if plan is not None:
            return plan
        known = sorted({*self.workflows, *await self.store.list_plans()})
        close = get_close_matches(workflow, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}" if known else ""
        text = f"no workflow {workflow!r}, neither here nor published by a worker{hint}"
        if not known:
            text += "; start its worker once, or name its handlers file (--handlers, or handlers: in paigeant.yaml)"
        raise UnknownWorkflow(text)


def _owner() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
