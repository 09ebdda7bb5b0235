"""``Paigeant``: dispatches and reads runs, and executes them if asked to. Parts are chosen here and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any, Self, Unpack, overload
from uuid import UUID

from paigeant.abc import Hooks, Store, Transport
from paigeant.activities.registry import ActivityRegistry
from paigeant.app.calls.approvals import Approvals
from paigeant.app.calls.spending import Spending
from paigeant.app.choosing import choose_codec, choose_parts
from paigeant.app.declaration import Declaration, In_contra, Out_co
from paigeant.app.handlers import Catalog, Handlers, read_handlers
from paigeant.app.handlers.publications import WorkflowListing, list_workers, list_workflows
from paigeant.app.identities import secrecy_of
from paigeant.app.inputs import as_inputs, naming_payloads
from paigeant.app.observing.hooks import check_hooks
from paigeant.app.observing.run_ends import RunEnds
from paigeant.app.observing.tracing import choose_hooks
from paigeant.app.opened import Opened
from paigeant.app.options import (
    DispatchArguments,
    ManyArguments,
    RunsArguments,
    check_parts,
    check_workflow,
    read_concurrency,
    read_declaration,
    read_dispatch,
    read_payloads,
    read_served,
    read_wanted,
)
from paigeant.app.readiness import require_activities, require_ready, warn_of, warn_of_unread
from paigeant.app.run import Run
from paigeant.app.run_ids import find_newest_run_id, find_run_id, read_run_id
from paigeant.app.signals import Signal, send_all
from paigeant.app.upkeep.administration import Administration
from paigeant.app.upkeep.safety import require_safe
from paigeant.config import Settings, load_settings
from paigeant.engine.custody.publications import publish
from paigeant.engine.dispatcher import dispatch
from paigeant.engine.hooks import GuardedHooks
from paigeant.engine.runtime import Runtime, new_owner
from paigeant.engine.worker import ActivityWorker, WorkerOptions
from paigeant.errors import ConfigError, InvalidInput, RegistrationError
from paigeant.model.checks.flaws import WorkflowFlaw
from paigeant.model.checks.options import spelled
from paigeant.model.plan import Plan, WorkerCard
from paigeant.model.runs import RunPage
from paigeant.model.stored.signals import Receipt
from paigeant.plugins import redacted_url


@spelled(RegistrationError, InvalidInput)
class Paigeant:
    """Client of one store and namespace: dispatches, reads and controls runs, and runs workers.

    ``handlers`` is a module, whose registries and workflows are used, including those in its lists and dicts; a
    registry; or the result of :func:`~paigeant.app.load_handlers`. The default is the global ``activity``.
    ``workflows`` adds declarations and plans. Use it as ``async with``; the settings name the store and the transport,
    by default one SQLite file in ``.paigeant``. Events are logged by ``logging`` under ``paigeant``, and passed to the
    ``hooks``. With ``create=False`` opening it creates nothing: if there is no database yet, no run is found and none
    can be dispatched; a transport is opened on first use.
    """

    def __init__(
        self,
        handlers: ModuleType | ActivityRegistry | Handlers | None = None,
        *,
        workflows: Iterable[Declaration[Any, Any] | Plan] = (),
        settings: Settings | None = None,
        hooks: Hooks | Sequence[Hooks] = (),
        create: bool = True,
    ) -> None:
        """Choose the parts; nothing is opened yet. Raises ConfigError and RegistrationError."""
        given = check_parts(handlers, workflows, settings, create)
        self.settings: Settings = settings or load_settings()
        found = read_handlers(handlers)
        self.catalog: Catalog = Catalog(found.registry)
        for workflow in [*self.settings.plans.values(), *found.workflows, *given]:
            self.catalog.add(workflow)
        self.registry.check()
        self._hooks = GuardedHooks([*choose_hooks(self.settings), *check_hooks(hooks)])
        self._stack, self._create = AsyncExitStack(), create
        self._opened = Opened()
        self.is_there: bool = True
        """False if there was no store when this was opened with ``create=False``: then it contains nothing."""

    async def __aenter__(self) -> Self:
        """Open store and transport; raises Unavailable or ConfigError."""
        store, transport, self.is_there = self._choose()
        codec = choose_codec(self.settings)
        async with AsyncExitStack() as stack:
            for part in (store,) if transport is None else (store, transport):
                part.reporter = self._hooks
                await stack.enter_async_context(part)
            self._ends = RunEnds(store)
            stack.push_async_callback(self._ends.close)
            self._stack = stack.pop_all()
        lease, stall = (timedelta(seconds=each) for each in (self.settings.lease, self.settings.stall_timeout))
        parts = (store, codec, self.registry, new_owner(), lease, transport, self._hooks)
        spending: dict[str, Any] = {"budgets": self.settings.budgets, "prices": self.settings.prices}
        self._opened.hold(Runtime(*parts, stall=stall, **spending, **secrecy_of(self.settings)))
        return self

    def _choose(self) -> tuple[Store, Transport | None, bool]:
        return choose_parts(self.settings, create=self._create)

    def _require_store(self) -> None:
        if not self.is_there:
            where = redacted_url(self.settings.store)
            raise ConfigError(f"{where} is not there, and this Paigeant may not create it (create=False)")

    async def __aexit__(self, *_: object) -> None:
        """Close everything that was opened."""
        self._opened.hold(None)
        await self._stack.aclose()

    @property
    def registry(self) -> ActivityRegistry:
        """The activities at hand."""
        return self.catalog.registry

    @property
    def workflows(self) -> dict[str, Plan]:
        """The workflows at hand, by name."""
        return self.catalog.plans

    @property
    def runtime(self) -> Runtime:
        """The open parts; raises ConfigError outside of ``async with``, in a fork, and in another event loop."""
        return self._opened.runtime

    @property
    def store(self) -> Store:
        """The open store, for reading runs."""
        return self.runtime.store

    @overload
    async def dispatch(
        self, workflow: Declaration[In_contra, Out_co], payload: In_contra, **options: Unpack[DispatchArguments]
    ) -> Run[Out_co]: ...
    @overload
    async def dispatch(self, workflow: str, payload: Any, **options: Unpack[DispatchArguments]) -> Run[Any]: ...
    async def dispatch(
        self, workflow: str | Declaration[Any, Any], payload: Any, **options: Unpack[DispatchArguments]
    ) -> Run[Any]:
        """Record a run of a workflow, declared here or published by a worker, and return its handle.

        When this returns the run is durable, and workers that serve its steps will execute it. ``payload`` is any value
        that pydantic can write as JSON, and that the workflow's ``input`` validates. The same ``dispatch_key`` in a
        workflow returns the same run. ``deadline`` counts from now, by the store's clock: seconds, a timedelta, or text
        such as ``"1h30m"``. ``revision`` narrows how steps may change the remaining itinerary, ``budget`` how much they
        may spend. ``correlation_id`` relates the run to others in logs; by default it is the run's own id. With
        ``obo_token``, a person's access token, the run acts on their behalf: the token is verified and sealed, and
        never travels.

        Raises UnknownWorkflow, UnknownStep, InvalidInput, DispatchConflict, IdentityUnavailable and Unavailable.
        """
        check_workflow(workflow, "dispatch")
        read = read_dispatch(options)
        self._require_store()
        plan = await self.catalog.find_whole(workflow, self._opened.directory)
        inputs = list(as_inputs(plan, self.catalog.inputs.get(plan.name), [payload]))
        [started] = await dispatch(self.runtime, plan, inputs, read)
        warn_of(self.runtime, await self.catalog.check_once(plan, inputs, self.store), dispatched=True)
        return self.run(started.workflow_id)

    @overload
    async def dispatch_many(
        self, workflow: Declaration[In_contra, Out_co], payloads: Iterable[In_contra], **options: Unpack[ManyArguments]
    ) -> list[Run[Out_co]]: ...
    @overload
    async def dispatch_many(
        self, workflow: str, payloads: Iterable[Any], **options: Unpack[ManyArguments]
    ) -> list[Run]: ...
    async def dispatch_many(
        self, workflow: str | Declaration[Any, Any], payloads: Iterable[Any], **options: Unpack[ManyArguments]
    ) -> list[Run[Any]]:
        """Record a run for each payload, 500 in a transaction, as :meth:`dispatch`; returns the handles in order.

        All inputs are validated before the first run is written: InvalidInput names the invalid one, also in its
        ``index``.
        """
        check_workflow(workflow, "dispatch_many")
        self._require_store()
        plan = await self.catalog.find_whole(workflow, self._opened.directory)
        with naming_payloads():
            inputs = list(as_inputs(plan, self.catalog.inputs.get(plan.name), read_payloads(payloads)))
            started = await dispatch(self.runtime, plan, inputs, read_dispatch(DispatchArguments(**options)))
        warn_of(self.runtime, await self.catalog.check_once(plan, inputs, self.store), dispatched=True)
        return [self.run(answer.workflow_id) for answer in started]

    @overload
    def run(self, workflow_id: str | UUID) -> Run[Any]: ...
    @overload
    def run(self, workflow_id: str | UUID, workflow: Declaration[Any, Out_co]) -> Run[Out_co]: ...
    def run(self, workflow_id: str | UUID, workflow: Declaration[Any, Any] | None = None) -> Run[Any]:
        """Return the handle of a run; raises UnknownRun for an invalid id.

        ``workflow`` is the workflow of the run, which gives the type of its output.
        """
        if workflow is not None:
            self.catalog.add(read_declaration(workflow))
        return Run(self.runtime, read_run_id(workflow_id), self._ends, self.catalog.outputs)

    async def find_run(self, beginning: str) -> Run[Any]:
        """Return the handle of the run whose id begins with this text, if there is exactly one.

        Raises UnknownRun if there is none, or several, which it lists.
        """
        return self.run(await find_run_id(beginning, self.store))

    async def find_newest_run(self) -> Run[Any]:
        """Return the handle of the run that was recorded last; raises UnknownRun if there is none."""
        return self.run(await find_newest_run_id(self.store, self.settings.store))

    async def signal(
        self, workflow_id: str | UUID, name: str, payload: Any = None, *, signal_id: str | None = None
    ) -> Receipt:
        """Send a signal to a run, as :meth:`paigeant.Run.signal` does."""
        return await self.run(workflow_id).signal(name, payload, signal_id=signal_id)

    async def signal_many(self, signals: Iterable[Signal]) -> list[Receipt]:
        """Send signals to their runs, 500 in a transaction; returns the receipt of each, in order.

        All are validated first: raises InvalidInput, and UnknownRun for an invalid id. A refusal by a run is a receipt.
        """
        return await send_all(self.runtime, signals)

    async def fork(
        self, workflow_id: str | UUID, from_: str | int | None = None, outputs: Mapping[str | int, Any] | None = None
    ) -> Run[Any]:
        """Record a run that continues differently from a place of another run, as :meth:`paigeant.Run.fork` does."""
        return await self.run(workflow_id).fork(from_, outputs)

    async def runs(self, **wanted: Unpack[RunsArguments]) -> RunPage:
        """Return a page of runs, newest first; ``after`` is the ``next`` of the page before.

        ``status`` and ``workflow`` select runs with these, ``forks_of`` the forks of a run, ``parent`` the child runs
        of a run, and ``since`` runs recorded within this time. Raises InvalidInput for an invalid status or page.
        """
        return await self.store.list_runs((page := read_wanted(wanted)).asked, limit=page.limit, after=page.after)

    async def list_workflows(self) -> list[WorkflowListing]:
        """Return the workflows that can be dispatched: declared here, or ever published by a worker; by name."""
        return await list_workflows(self.workflows, self.store)

    async def check(self) -> list[WorkflowFlaw]:
        """Return the flaws of the workflows at hand, as ``paigeant check`` prints them; nothing is run."""
        return await self.catalog.check_all(self.store)

    async def list_workers(self) -> list[WorkerCard]:
        """Return the living workers, with the activities they serve and the workflows they published."""
        return await list_workers(self.store)

    @property
    def approvals(self) -> Approvals:
        """Questions of steps to people."""
        return Approvals(lambda: self.runtime)

    @property
    def spending(self) -> Spending:
        """Spending on models."""
        return Spending(lambda: self.store)

    @property
    def administration(self) -> Administration:
        """Administration of the installation: schema, health, old runs, dead letters, tokens."""
        return Administration(self.settings, lambda: self.runtime)

    @asynccontextmanager
    async def worker(
        self, *, activities: Collection[str] | None = None, concurrency: int | None = None
    ) -> AsyncGenerator[ActivityWorker]:
        """Execute steps in the background while inside; leaving it stops gracefully.

        It serves the named activities, or all, and publishes them and the workflows. Raises UnknownStep for a name that
        is not registered, and ConfigError for an unusable store, transport or signing key.
        """
        self._require_store()
        topics, slots = require_activities(self.registry, read_served(activities)), read_concurrency(concurrency)
        runtime = replace(self.runtime, owner=new_owner())  # each worker of a process needs its own owner name
        require_safe(self.settings)
        await runtime.codec.prepare(runtime.store.record_keys, *(f"step:{name}" for name in topics))
        await require_ready(runtime, self.settings.env)
        warn_of_unread(runtime, self.workflows.values(), topics)
        await publish(runtime, self.workflows.values(), [self.registry[name].card for name in topics])
        warn_of(runtime, await self.catalog.check_all(self.store))
        grace, slots = timedelta(seconds=self.settings.grace), slots or self.settings.concurrency
        options = WorkerOptions(topics, slots, grace, tuple(self.workflows))
        async with ActivityWorker(runtime, options) as worker:
            yield worker
