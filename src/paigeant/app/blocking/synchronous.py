"""The application without an event loop, for scripts, Django and other synchronous code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any, Generic, Self, TypeVar, Unpack, overload
from uuid import UUID

from pydantic import JsonValue

from paigeant.abc import Hooks
from paigeant.activities.registry import ActivityRegistry
from paigeant.app.blocking.loop_thread import LoopThread
from paigeant.app.declaration import Declaration, In_contra, Out_co
from paigeant.app.handlers import Handlers
from paigeant.app.options import DispatchArguments, ManyArguments, RunsArguments
from paigeant.app.paigeant import Paigeant
from paigeant.app.results import RunResult
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.errors import ConfigError, InvalidInput, RegistrationError
from paigeant.model.checks.options import spelled
from paigeant.model.plan import Plan
from paigeant.model.runs import RunPage, RunStatus, RunView, StepView
from paigeant.model.stored.signals import Receipt
from paigeant.model.values.durations import Duration

T = TypeVar("T")


@spelled(InvalidInput)
class SyncRun(Generic[Out_co]):
    """Blocking counterpart of :class:`~paigeant.Run`: each method blocks for its answer, and raises the same errors."""

    def __init__(self, loop: LoopThread, run: Run[Out_co]) -> None:
        """Use ``run`` in this loop."""
        self._loop = loop
        self._run = run
        self.workflow_id: UUID = run.workflow_id

    def __repr__(self) -> str:
        """Show the id."""
        return f"SyncRun({str(self.workflow_id)!r})"

    def status(self) -> RunStatus:
        """Return the status of the run."""
        return self._loop.call(self._run.status())

    def view(self) -> RunView:
        """Return everything about the run so far."""
        return self._loop.call(self._run.view())

    def steps(self) -> tuple[StepView, ...]:
        """Return the steps, including those ahead: each hop in the order of its position."""
        return self._loop.call(self._run.steps())

    def result(self, timeout: Duration | None = None) -> RunResult[Out_co]:
        """Wait until the run has ended, and return its result; raises ResultTimeout after ``timeout``."""
        return self._loop.call(self._run.result(timeout))

    def variables(self) -> dict[str, JsonValue]:
        """Return the run's variables: outputs of steps and set variables."""
        return self._loop.call(self._run.variables())

    def variable(self, name: str) -> JsonValue:
        """Return one variable; raises UnknownVariable."""
        return self._loop.call(self._run.variable(name))

    def set_variable(self, name: str, value: Any) -> None:
        """Set a variable to any value that pydantic can write as JSON; the latest write wins."""
        self._loop.call(self._run.set_variable(name, value))

    def signal(self, name: str, payload: Any = None, *, signal_id: str | None = None) -> Receipt:
        """Send a signal to the run; see :meth:`paigeant.Run.signal`."""
        return self._loop.call(self._run.signal(name, payload, signal_id=signal_id))

    def fork(self, from_: str | int | None = None, outputs: Mapping[str | int, Any] | None = None) -> SyncRun[Out_co]:
        """Record a run that inherits this run's history before a place; see :meth:`paigeant.Run.fork`."""
        return SyncRun(self._loop, self._loop.call(self._run.fork(from_, outputs)))

    def mermaid(self) -> str:
        """Return a Mermaid diagram of the run: its hops, and the entries ahead."""
        return self._loop.call(self._run.mermaid())

    def cancel(self, *, compensate: bool = False) -> RunStatus:
        """Request that the run ends, undoing its steps if ``compensate``; returns its present status."""
        return self._loop.call(self._run.cancel(compensate=compensate))

    def terminate(self) -> RunStatus:
        """End the run: when this returns nothing more can be committed to it, and nothing is undone."""
        return self._loop.call(self._run.terminate())

    def retry(self, *, accept_contract: bool = False, afresh: bool = False) -> RunStatus:
        """Run again from the step that failed or waits, with all its attempts."""
        return self._loop.call(self._run.retry(accept_contract=accept_contract, afresh=afresh))


@spelled(RegistrationError, InvalidInput)
class SyncPaigeant:
    """:class:`~paigeant.Paigeant` for code that cannot await: ``with SyncPaigeant() as app: app.dispatch(...)``.

    It takes the same arguments as :class:`~paigeant.Paigeant`. An event loop in a thread of its own does the work, so
    all threads of a process may share one instance, and keep it open for the life of the process: ``open()`` and
    ``close()`` do what ``with`` does. It must be opened after a fork. It executes no steps: use workers or
    ``Workflow.run_sync``.
    """

    def __init__(
        self,
        handlers: ModuleType | ActivityRegistry | Handlers | None = None,
        *,
        workflows: Iterable[Declaration[Any, Any] | Plan] = (),
        settings: Settings | None = None,
        hooks: Hooks | Sequence[Hooks] = (),
    ) -> None:
        """Choose the parts; nothing is opened yet. Raises ConfigError and RegistrationError."""
        self._app = Paigeant(handlers, workflows=workflows, settings=settings, hooks=hooks)
        self._thread: LoopThread | None = None

    def open(self) -> Self:
        """Open store and transport; raises Unavailable or ConfigError."""
        if self._thread is not None:
            raise ConfigError("this SyncPaigeant is open already")
        thread = LoopThread()
        try:
            thread.call(self._app.__aenter__())
        except BaseException:
            thread.close()
            raise
        self._thread = thread
        return self

    def close(self) -> None:
        """Close what was opened; does nothing if nothing is open."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        try:
            thread.call(self._app.__aexit__())
        finally:
            thread.close()

    def __enter__(self) -> Self:
        """Open it."""
        return self.open()

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    def _loop(self) -> LoopThread:
        if self._thread is None:
            raise ConfigError("SyncPaigeant is not open: use it as `with SyncPaigeant(...) as app:`")
        return self._thread

    def call(self, question: Callable[[Paigeant], Awaitable[T]]) -> T:
        """Run any coroutine of the application and return its result: ``call(lambda app: app.administration…)``."""

        async def answer() -> T:
            return await question(self._app)

        return self._loop.call(answer())

    @overload
    def dispatch(
        self, workflow: Declaration[In_contra, Out_co], payload: In_contra, **options: Unpack[DispatchArguments]
    ) -> SyncRun[Out_co]: ...
    @overload
    def dispatch(self, workflow: str, payload: Any, **options: Unpack[DispatchArguments]) -> SyncRun[Any]: ...
    def dispatch(self, workflow: Any, payload: Any, **options: Unpack[DispatchArguments]) -> SyncRun[Any]:
        """Record a run of a workflow, and return its handle; see :meth:`paigeant.Paigeant.dispatch`."""
        return SyncRun(self._loop, self._loop.call(self._app.dispatch(workflow, payload, **options)))

    @overload
    def dispatch_many(
        self, workflow: Declaration[In_contra, Out_co], payloads: Iterable[In_contra], **options: Unpack[ManyArguments]
    ) -> list[SyncRun[Out_co]]: ...
    @overload
    def dispatch_many(
        self, workflow: str, payloads: Iterable[Any], **options: Unpack[ManyArguments]
    ) -> list[SyncRun[Any]]: ...
    def dispatch_many(
        self, workflow: Any, payloads: Iterable[Any], **options: Unpack[ManyArguments]
    ) -> list[SyncRun[Any]]:
        """Record a run for each payload; see :meth:`paigeant.Paigeant.dispatch_many`."""
        runs = self._loop.call(self._app.dispatch_many(workflow, payloads, **options))
        return [SyncRun(self._loop, run) for run in runs]

    @overload
    def run(self, workflow_id: str | UUID) -> SyncRun[Any]: ...
    @overload
    def run(self, workflow_id: str | UUID, workflow: Declaration[Any, Out_co]) -> SyncRun[Out_co]: ...
    def run(self, workflow_id: str | UUID, workflow: Any = None) -> SyncRun[Any]:
        """Return the handle of a run; raises UnknownRun for an invalid id."""
        return SyncRun(self._loop, self._app.run(workflow_id, workflow))

    def fork(
        self, workflow_id: str | UUID, from_: str | int | None = None, outputs: Mapping[str | int, Any] | None = None
    ) -> SyncRun[Any]:
        """Record a run that continues differently from a place of another run; see :meth:`paigeant.Paigeant.fork`."""
        return self.run(workflow_id).fork(from_, outputs)

    def runs(self, **wanted: Unpack[RunsArguments]) -> RunPage:
        """Return a page of runs, newest first; see :meth:`paigeant.Paigeant.runs`."""
        loop = self._loop  # first: raises before a coroutine exists that nobody would await
        return loop.call(self._app.runs(**wanted))
