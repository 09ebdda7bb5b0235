"""A bench for the engine: its own parts over a memory store that can be made to be away, or to lose answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

import pytest

from paigeant import ActivityRegistry, ActivityWorker, RunStatus, Step
from paigeant.abc import Codec, Hooks, Transport
from paigeant.engine.dispatcher import DispatchOptions, dispatch
from paigeant.engine.hooks import GuardedHooks
from paigeant.engine.runtime import Runtime
from paigeant.engine.worker import WorkerOptions
from paigeant.errors import Unavailable
from paigeant.model.events import Event, Trouble
from paigeant.model.plan import Plan
from paigeant.model.runs import RunView
from paigeant.security.plain import PlainCodec
from paigeant.stores.memory import MemoryStore
from paigeant.testing.waiting import eventually
from paigeant.transports.memory import MemoryTransport

Fate = Callable[[str, int], str | None]
"""What becomes of the n-th call of a method, of ``claim`` by what is claimed: ``away`` does nothing, ``lost`` does it
and loses the answer."""

WRITES = frozenset(
    {"record_workflow_start", "claim", "record_step_result", "release", "record_checkpoints", "record_dead_letters"}
)
READS = frozenset(
    {
        "load_variables",
        "load_values",
        "load_plan",
        "load_checkpoints",
        "wait_until_due",
        "take_announcements",
        "beat",
        "report_worker",
        "find_cards",
        "find_notice_status",
    }
)


class UnsteadyStore(MemoryStore):
    """A memory store whose every call may fail, as its fate says, before or after it was done."""

    def __init__(self, url: str) -> None:
        self.calls: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.fate: Fate = lambda _, __: None
        super().__init__(url)

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return self._unsteady(found) if name in WRITES | READS else found

    def _unsteady(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **options: Any) -> Any:
            name = f"claim {type(args[1]).__name__}" if method.__name__ == "claim" else method.__name__
            self.calls[name] += 1
            fate = self.fate(name, self.calls[name])
            if fate is not None:
                self.failed[name] += 1
            answer = None if fate == "away" else await method(*args, **options)
            if fate is not None:
                await asyncio.sleep(0)
                raise Unavailable(f"{name} is {fate}")
            return answer

        return call


class Recorder(Hooks):
    """Keeps all events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    def troubles(self) -> list[str]:
        return [f"{event.doing}: {event.error}" for event in self.events if isinstance(event, Trouble)]


class Bench:
    """Parts, and workers over them that are stopped at the end of the test."""

    def __init__(self, name: str, stack: AsyncExitStack) -> None:
        self.registry = ActivityRegistry()
        self.store = UnsteadyStore(f"memory://{name}")
        self.steady = MemoryStore(f"memory://{name}")
        self.hooks = Recorder()
        self.hook_list: list[Hooks] = [self.hooks]
        self.transport: Transport | None = None
        self.codec: Codec = PlainCodec()
        self.lease = timedelta(seconds=2)
        self.workers: list[ActivityWorker] = []
        self._stack = stack

    @cached_property
    def guarded(self) -> GuardedHooks:
        """The hooks as all runtimes of the bench share them."""
        return GuardedHooks(self.hook_list)

    def runtime(self, **changed: Any) -> Runtime:
        fields = {
            "store": self.store,
            "codec": self.codec,
            "registry": self.registry,
            "owner": f"worker-{len(self.workers)}",
            "lease": self.lease,
            "transport": self.transport,
            "hooks": self.guarded,
        }
        return Runtime(**(fields | changed))

    def worker(self, **options: Any) -> ActivityWorker:
        """Return a worker that is not yet entered."""
        fields: dict[str, Any] = {"topics": tuple(self.registry), "grace": timedelta(seconds=0.2)} | options
        worker = ActivityWorker(self.runtime(), WorkerOptions(**fields))
        self.workers.append(worker)
        return worker

    async def serve(self, **options: Any) -> ActivityWorker:
        """Return a worker at work."""
        return await self._stack.enter_async_context(self.worker(**options))

    async def start(self, *steps: str | Step, payload: bytes = b"null", **options: Any) -> UUID:
        itinerary = tuple(step if isinstance(step, Step) else Step(step) for step in steps)
        plan = Plan(name="w", itinerary=itinerary)
        runtime = self.runtime(store=self.steady)
        [started] = await dispatch(runtime, plan, [payload], DispatchOptions(**options))
        return started.workflow_id

    async def view(self, run: UUID) -> RunView:
        return await self.steady.get_run(run)

    async def until_error(self, run: UUID, message: str) -> None:
        """Return once an attempt of the run's first step has failed with an error of this text."""

        async def ask() -> bool:
            return message in [error.message for error in (await self.view(run)).steps[0].errors]

        assert await eventually(ask)

    async def until(self, run: UUID, *statuses: RunStatus, within: float = 10.0) -> RunView:
        """Return the run once it has one of these statuses, or is final."""

        async def ask() -> RunView | None:
            view = await self.view(run)
            return view if view.status in statuses or (not statuses and view.status.final) else None

        try:
            found = await eventually(ask, within=within)
        except AssertionError:
            raise AssertionError(
                f"{(await self.view(run)).model_dump_json(indent=1)}\n{self.hooks.troubles()}"
            ) from None
        assert found is not None
        return found


@pytest.fixture
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        yield Bench(request.node.nodeid, stack)


@pytest.fixture(params=["store", "broker"])
async def both(request: pytest.FixtureRequest, bench: Bench) -> Bench:
    """The bench on each of the two intakes."""
    if request.param == "broker":
        bench.transport = MemoryTransport("memory://?lose=0.1&duplicate=0.1")
    return bench
