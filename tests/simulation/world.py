"""A world in one process: workers, store and broker over one made-up time, and everything that its schedule does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from unittest import mock
from uuid import UUID

from paigeant import ActivityContext
from paigeant.abc import Delivery
from paigeant.app.run import Run
from paigeant.engine import dispatcher
from paigeant.engine.dispatcher import DispatchOptions, dispatch
from paigeant.engine.parts import Parts
from paigeant.engine.worker import ActivityWorker, WorkerOptions
from paigeant.errors import Unavailable, WrongState
from paigeant.model.hops import Commit, Grant, Settled, Verdict
from paigeant.model.message import HopKey
from paigeant.model.plan import Plan
from paigeant.model.runs import Direction, RunStatus, StepStatus
from paigeant.security.plain import PlainCodec
from paigeant.stores.memory.rows import Rows
from tests.simulation.activities import ACT, HEARD, activity
from tests.simulation.loop import WHO, SeededLoop
from tests.simulation.network import FarStore, FarTransport, Network, ShufflingBroker
from tests.simulation.schedule import CALM, LEASE, WORKERS, Incident, Journey, Schedule

EPOCH: Final = datetime(2030, 1, 1, tzinfo=UTC)
PATIENCE: Final = 200.0
"""Seconds after which, once it is calm, every run must be final or parked."""

CARDS: Final = {name: activity[name].card for name in activity}

CALLBACKS: Final = 300_000
"""How many a world may need."""


@dataclass(frozen=True)
class Deed:
    """What a step's own code did: begin, or end."""

    who: str
    run: UUID
    step: str
    step_id: UUID
    direction: Direction
    position: int
    attempt: int
    key: str
    what: str


@dataclass(frozen=True)
class Given:
    """A lease that the store gave."""

    key: HopKey
    fence: int
    owner: str
    wished: bool
    """Somebody had wished the run cancelled by then."""


@dataclass(frozen=True)
class Written:
    """A commit that the store took: ``latest`` is the lease that it had given last for this hop."""

    key: HopKey
    fence: int
    owner: str
    latest: Given
    status: StepStatus
    terminated: bool
    repeated: bool


class World:
    """One run of a schedule: what was seen is in ``trace``, ``deeds`` and ``written``."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.loop = SeededLoop(Random(f"order {schedule.seed}"))
        self.rows = Rows(lambda: EPOCH + timedelta(seconds=self.loop.time()))
        self.broker = ShufflingBroker(Random(f"broker {schedule.seed}"))
        self.network = Network(schedule, Random(f"network {schedule.seed}"), self._see, away={})
        self.trace: list[str] = []
        self.deeds: list[Deed] = []
        self.written: list[Written] = []
        self.runs: dict[int, UUID] = {}
        self.touched: dict[int, set[str]] = {number: set() for number in range(len(schedule.journeys))}
        """What an operator did to each run, whether or not he heard of it."""
        self.terminated: set[UUID] = set()
        self.resumed: set[UUID] = set()
        self.serving: dict[str, ActivityWorker] = {}
        self.held_at_last: list[str] = []
        self.left_behind: list[str] = []
        self._transports: dict[str, FarTransport] = {}
        self.forged: set[tuple[str, bytes]] = set()
        self._dice = Random(f"work {schedule.seed}")
        self._jitter = Random(f"jitter {schedule.seed}")
        self._latest: dict[HopKey, Given] = {}
        self._born = 0
        self._busy: set[asyncio.Task[Any]] = set()

    def run(self) -> None:
        """Let it happen, to the end."""
        ids = Random(f"ids {self.schedule.seed}")

        def next_id() -> UUID:
            return UUID(int=ids.getrandbits(128), version=4)

        context = copy_context()
        context.run(ACT.set, self._act)
        context.run(HEARD.set, self._heard)
        with mock.patch.object(dispatcher, "uuid7", next_id):
            context.run(self.loop.run, self._history(), CALLBACKS)

    def close(self) -> None:
        self.loop.close()

    # -- what happens

    async def _history(self) -> None:
        for topics in self.schedule.workers:
            self._employ(topics)
        self.rows.cards.update(CARDS)
        for number, journey in enumerate(self.schedule.journeys):
            self._spawn(self._dispatch(number, journey))
        for incident in self.schedule.incidents:
            await asyncio.sleep(max(0, incident.at - self.loop.time()))
            self._spawn(self._happen(incident))
        await asyncio.sleep(max(0, CALM + 0.1 - self.loop.time()))
        self.note("it is calm from now on")
        self.network.calm = True
        self._employ(tuple(activity))
        await self._until(lambda: len(self.runs) == len(self.schedule.journeys) and all(map(self.settled, self.runs)))
        await asyncio.sleep(2 * LEASE)  # whoever comes too late may come now
        await self._until(lambda: all(map(self.settled, self.runs)) and not self.held())
        self.held_at_last = self.held()
        await self._go_home()

    async def _go_home(self) -> None:
        """Send the workers home, and see what they leave behind."""
        crew = dict(self.serving)
        for worker in crew.values():
            worker.stop()
        await self._until(lambda: not self.serving)
        await asyncio.sleep(1)
        self.left_behind = [f"{who} is still serving" for who in crew if who in self.serving]
        self.left_behind += [f"{who} is still reported alive" for who in crew if who in self.rows.workers]
        self.left_behind += [f"{task.who} still runs {task.get_name()}" for task in self.loop.tasks if task.who in crew]

    def held(self) -> list[str]:
        """Return what somebody holds: leases, slots, messages."""
        held = [f"{self.name(hop.key)} is leased to {hop.owner}" for hop in self.rows.twins.values() if hop.owner]
        held += [f"messages for {topic}" for topic, queue in self.broker.queues.items() if queue]
        for who, worker in self.serving.items():
            slots = worker._slots
            total, limits = self.schedule.concurrency, {"alone": 1} if "alone" in worker.topics else {}
            if (slots._free, slots._left) != (total, limits):
                held.append(f"{who} has slots free: {slots._free} of {total}, {slots._left} of {limits}")
            held += [f"{who} did not acknowledge {each}" for each in self._unacknowledged(who)]
        return held

    def _unacknowledged(self, who: str) -> list[str]:
        there = self._transports[who]._yielded if who in self._transports else []
        return [delivery.message_id for yielded in there for delivery in yielded]

    def settled(self, number: int) -> bool:
        """Tell whether a run is final, or waits for somebody."""
        run = self.rows.runs[self.runs[number]]
        hops = [hop for hop in self.rows.hops[run.workflow_id].values() if hop.pending]
        parked = run.status is RunStatus.WAITING and all(hop.owner is None and hop.due_at is None for hop in hops)
        return run.status.final or (parked and run.reason is not None)

    async def _until(self, done: Callable[[], bool]) -> None:
        """Look again at each change, for as long as patience goes."""
        end = self.loop.time() + PATIENCE
        while not done() and self.loop.time() < end:
            await self.rows.changes.wait(self.rows.changes.count, min(1.0, end - self.loop.time()))

    async def _dispatch(self, number: int, journey: Journey) -> None:
        await asyncio.sleep(journey.at)
        deadline = None if journey.deadline is None else timedelta(seconds=journey.deadline)
        options = DispatchOptions(dispatch_key=str(number), deadline=deadline)
        plan = Plan(name="journey", itinerary=journey.steps)

        async def ask() -> None:
            await dispatch(self._parts("client"), plan, [str(journey.payload).encode()], options)
            self.note(f"r{number} is dispatched")

        await self._insist(ask)

    async def _happen(self, incident: Incident) -> None:
        for _ in range(incident.after):
            await asyncio.sleep(0)
        if incident.what in WORKERS:
            await self._happen_to_worker(incident)
        elif incident.what == "forge":
            self._forge(incident)
        elif incident.what.endswith("away"):
            place = incident.what.split()[0]
            self.note(f"the {place} is away for {incident.seconds:.2f} s")
            assert self.network.away is not None
            self.network.away[place] = self.loop.time() + incident.seconds
        elif incident.target in self.runs:
            await self._operate(incident.what, incident.target)

    def _forge(self, incident: Incident) -> None:
        """Put something into a queue that is no message of a run here: noise, or a message that was changed."""
        topic = [*activity][incident.after % len(activity)]
        pending = [*self.rows.twins.values()]
        if pending and incident.after % 3:
            twin = pending[incident.after % len(pending)]
            message_id, topic, body = twin.sealed._replace(body=twin.body.replace(b"0", b"1") + b" ")
        else:
            message_id, body = f"noise-{incident.after}", b"\xffnoise"
        if self.schedule.broker:
            self.note(f"something with the id {message_id.partition(':')[0][:8]} is slipped in for {topic}")
            self.forged.add((topic, body))
            self.broker.put(Delivery(message_id, topic, body))

    async def _happen_to_worker(self, incident: Incident) -> None:
        there = [*self.serving]
        if not there:
            return
        who = there[incident.target % len(there)]
        worker = self.serving[who]
        match incident.what:
            case "crash":
                self.note(f"{who} dies")
                self.loop.kill(who)
                del self.serving[who]
                if who in self._transports:
                    self._transports[who].break_off()
                await asyncio.sleep(incident.seconds)
                self._employ(tuple(worker.topics))
            case "stall":
                self.note(f"{who} stands still for {incident.seconds:.2f} s")
                self.loop.stall(who, incident.seconds)
            case _:
                self.note(f"{who} is to stop")
                worker.stop()
                self._employ(tuple(worker.topics))

    async def _operate(self, what: str, number: int) -> None:
        run = Run(self._parts("operator"), self.runs[number])
        self.touched[number].add(what)
        if what == "resume":
            self.resumed.add(run.workflow_id)
        do: dict[str, Callable[[], Awaitable[Any]]] = {
            "cancel": run.cancel,
            "compensate": lambda: run.cancel(compensate=True),
            "terminate": run.terminate,
            "resume": run.retry,
        }
        self.note(f"r{number}: somebody wants to {what} it")
        try:
            await self._insist(do[what])
        except WrongState:
            return
        self.note(f"r{number}: {what} is heard")

    async def _insist(self, ask: Callable[[], Awaitable[Any]]) -> None:
        while True:
            try:
                await ask()
            except Unavailable:
                await asyncio.sleep(0.3)
            else:
                return

    # -- workers

    def _employ(self, topics: tuple[str, ...]) -> None:
        who = f"worker-{self._born}"
        self._born += 1
        context = copy_context()
        context.run(WHO.set, who)
        context.run(self._spawn, self._work(who, topics))

    async def _work(self, who: str, topics: tuple[str, ...]) -> None:
        async def ask() -> None:
            async with self._worker(who, topics) as worker:
                await worker.stopped()

        await self._insist(ask)
        self.serving.pop(who, None)
        self.note(f"{who} has stopped")

    @asynccontextmanager
    async def _worker(self, who: str, topics: tuple[str, ...]) -> AsyncIterator[ActivityWorker]:
        options = WorkerOptions(topics, self.schedule.concurrency, timedelta(seconds=0.5))
        async with ActivityWorker(self._parts(who), options) as worker:
            self.note(f"{who} serves")
            self.serving[who] = worker
            yield worker

    def _parts(self, owner: str) -> Parts:
        transport = FarTransport(self.broker, self.network) if self.schedule.broker else None
        if transport is not None:
            self._transports[owner] = transport
        store = FarStore(self.rows, self.network)
        lease = timedelta(seconds=LEASE)
        chance = self._jitter.random
        return Parts(store, PlainCodec(), activity, owner, lease, transport, clock=self.loop.time, chance=chance)

    def _spawn(self, what: Any) -> None:
        task = asyncio.create_task(what)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    # -- what is seen

    def note(self, text: str) -> None:
        self.trace.append(f"{self.loop.time():9.3f} {WHO.get():10} {text}")

    def name(self, key: HopKey) -> str:
        numbers = {run: number for number, run in self.runs.items()}
        return f"r{numbers.get(key.workflow_id, '?')}/{key.position}"

    def _act(self, ctx: ActivityContext, what: str) -> float:
        deed = Deed(
            WHO.get(),
            ctx.workflow_id,
            ctx.step,
            ctx.step_id,
            ctx.direction,
            ctx.position,
            ctx.attempt,
            ctx.idempotency_key,
            what,
        )
        self.deeds.append(deed)
        way = "" if ctx.direction is Direction.EXECUTE else " back"
        place = self.name(HopKey(ctx.workflow_id, "", ctx.position))
        self.note(f"{place} {ctx.step}{way} {what}, attempt {ctx.attempt}")
        return self._dice.choice([0.0, 0.0, 0.01, 0.3, 0.8])

    def _heard(self, ctx: ActivityContext) -> bool:
        """Tell whether somebody resumed the run, or the step was tried often enough."""
        tried = [
            deed
            for deed in self.deeds
            if (deed.run, deed.position, deed.what) == (ctx.workflow_id, ctx.position, "ends")
        ]
        return ctx.workflow_id in self.resumed or len(tried) > 2

    def _see(self, name: str, told: tuple[Any, ...], answer: Any) -> None:
        match name:
            case "pick" | "lease" | "lease_closing":
                for grant in answer:
                    self._give(grant, told[0], name)
            case "record_step_result":
                for commit, settled in zip(told[0], answer, strict=True):
                    self._write(commit, settled)
            case "record_workflow_start":
                for start, started in zip(told[0], answer, strict=True):
                    self.runs[int(start.dispatch_key)] = started.workflow_id
            case "terminate" if answer is RunStatus.TERMINATED:
                self.terminated.add(told[0])
            case _:
                pass

    def _give(self, grant: Grant, owner: str, how: str) -> None:
        wished = self.rows.runs[grant.key.workflow_id].cancel is not None
        self._latest[grant.key] = Given(grant.key, grant.fence, owner, wished)
        after = ", interrupted" if grant.interrupted else ""
        self.note(f"{self.name(grant.key)} {grant.topic} is leased to {owner} by {how}: fence {grant.fence}{after}")

    def _write(self, commit: Commit, settled: Settled) -> None:
        key, fence = commit.held
        status = commit.transition.status
        self.note(f"{self.name(key)} commit of {commit.owner}: {status}, fence {fence}: {settled.verdict}")
        if settled.verdict in {Verdict.OK, Verdict.ALREADY}:
            repeated = settled.verdict is Verdict.ALREADY
            latest, terminated = self._latest[key], key.workflow_id in self.terminated
            self.written.append(Written(key, fence, commit.owner, latest, status, terminated, repeated))
        if settled.handed_over is not None:
            self._give(settled.handed_over, commit.owner, "hand-over")
