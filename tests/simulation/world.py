"""A world in one process: workers, store and broker over one made-up time, and everything that its schedule does."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final
from unittest import mock
from uuid import UUID

from pydantic_core import to_json

from paigeant.abc import Delivery
from paigeant.engine import dispatcher, fork
from paigeant.engine.dispatcher import DispatchOptions, dispatch
from paigeant.engine.hop import apart
from paigeant.engine.runtime import Runtime
from paigeant.engine.worker import FLOW_SLOTS, ActivityWorker, WorkerOptions
from paigeant.errors import Unavailable
from paigeant.model.entries.entry import FLOW
from paigeant.model.people.approvals import ApprovalStatus
from paigeant.model.plan import Plan
from paigeant.model.runs import RunStatus
from paigeant.security.plain import PlainCodec
from paigeant.security.signed import SignedCodec
from paigeant.stores.memory.calls.approvals import approvals_of_run
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.runs import RunRow
from tests.simulation.acting import ACT
from tests.simulation.activities import HEARD, activity, older
from tests.simulation.loop import WHO, SeededLoop
from tests.simulation.network import FarStore, FarTransport, Network, ShufflingBroker
from tests.simulation.operating import answer_questions, operate
from tests.simulation.schedule import CALM, LEASE, WORKERS, Crew, Incident, Journey, Schedule
from tests.simulation.witness import Witness, family, forks

EPOCH: Final = datetime(2030, 1, 1, tzinfo=UTC)
PATIENCE: Final = 200.0
"""Seconds after which, once it is calm, every run must be final or parked."""

CARDS: Final = {name: activity[name].card for name in activity}

CALLBACKS: Final = 300_000
"""How many a world may need."""


class World:
    """One run of a schedule; ``witness`` has what was seen of it."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.loop = SeededLoop(Random(f"order {schedule.seed}"))
        # A dispatcher signs when it is by its own clock, and the store's must not be years away from that.
        began = datetime.now(UTC) if schedule.signed else EPOCH
        self.rows = Rows(lambda: began + timedelta(seconds=self.loop.time()))
        self.broker = ShufflingBroker(Random(f"broker {schedule.seed}"))
        self.witness = Witness(self.rows, self.loop.time, Random(f"work {schedule.seed}"))
        self.note, self._name = self.witness.note, self.witness.name
        self.network = Network(schedule, Random(f"network {schedule.seed}"), self.witness.see, away={})
        self.touched: dict[int, set[str]] = {number: set() for number in range(len(schedule.journeys))}
        """What an operator did to each run, whether or not he heard of it."""
        self.signalled: defaultdict[UUID, set[str]] = defaultdict(set)
        """The ids of the signals that each run has taken."""
        self.serving: dict[str, ActivityWorker] = {}
        self.held_at_last: list[str] = []
        self.left_behind: list[str] = []
        self._transports: dict[str, FarTransport] = {}
        self.forged: set[tuple[str, bytes]] = set()
        self._jitter = Random(f"jitter {schedule.seed}")
        self._crews: dict[str, Crew] = {}
        self._busy: set[asyncio.Task[Any]] = set()

    def run(self) -> None:
        """Let it happen, to the end."""
        ids = Random(f"ids {self.schedule.seed}")

        def next_id() -> UUID:
            return UUID(int=ids.getrandbits(128), version=4)

        context = copy_context()
        context.run(ACT.set, self.witness.act)
        context.run(HEARD.set, self.witness.heard)
        with (
            mock.patch.object(dispatcher, "uuid7", next_id),
            mock.patch.object(fork, "uuid7", next_id),
            mock.patch.object(apart, "_leave", partial(self._leave, apart._leave)),
        ):
            context.run(self.loop.run, self._history(), CALLBACKS)

    def _leave(self, leave: Callable[..., None], task: asyncio.Task[Any], *more: Any) -> None:
        """See that code is ended by force, which no step here gives a reason for."""
        self.loop.errors.append(f"{task.get_name()} was ended by force")
        leave(task, *more)

    def close(self) -> None:
        """Let all tasks end. All are cancelled at once, some twice thereby: none is ended by force for that."""
        with mock.patch.object(apart, "_leave"):
            self.loop.close()

    # -- what happens

    async def _history(self) -> None:
        for crew in self.schedule.workers:
            self._employ(crew)
        self.rows.cards.update(CARDS)
        for number, journey in enumerate(self.schedule.journeys):
            self._spawn(self._dispatch(number, journey))
        self._spawn(answer_questions(self))
        for incident in self.schedule.incidents:
            await asyncio.sleep(max(0, incident.at - self.loop.time()))
            self._spawn(self._happen(incident))
        await asyncio.sleep(max(0, CALM + 0.1 - self.loop.time()))
        self.note("it is calm from now on")
        self.network.calm = True
        self._employ(Crew(tuple(activity)))
        await self._until(self._all_settled)
        await asyncio.sleep(2 * LEASE)  # whoever comes too late may come now
        await self._until(lambda: self._all_settled() and not self.held())
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
        held = [f"{self._name(hop.key)} is leased to {hop.owner}" for hop in self.rows.twins.values() if hop.owner]
        held += [f"messages for {topic}" for topic, queue in self.broker.queues.items() if queue]
        for who, worker in self.serving.items():
            slots = worker._slots
            total, limits = self.schedule.concurrency, {"alone": 1} if "alone" in worker.topics else {}
            limits = {**limits, FLOW: FLOW_SLOTS}
            if (slots._free, slots._left) != (total, limits):
                held.append(f"{who} has slots free: {slots._free} of {total}, {slots._left} of {limits}")
            held += [f"{who} did not acknowledge {each}" for each in self._unacknowledged(who)]
        return held

    def _unacknowledged(self, who: str) -> list[str]:
        there = self._transports[who]._yielded if who in self._transports else []
        return [delivery.message_id for yielded in there for delivery in yielded]

    def _all_settled(self) -> bool:
        runs = self.witness.runs
        everything = [*runs.values(), *(each.workflow_id for each in forks(self.rows))]
        return len(runs) == len(self.schedule.journeys) and all(map(self.settled, everything))

    def settled(self, run: UUID) -> bool:
        """Tell whether a run is final, or waits for somebody."""
        return all(map(self._settled, family(self.rows, run)))

    def _settled(self, run: RunRow) -> bool:
        hops = [hop for hop in self.rows.hops[run.workflow_id].values() if hop.completed_at is None]
        parked = run.status is RunStatus.WAITING and all(
            hop.owner is None and hop.due_at is None and hop.interface is None for hop in hops
        )
        parked = parked and not any(
            one.status is ApprovalStatus.OPEN for one in approvals_of_run(self.rows, run.workflow_id)
        )
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
        budgets = () if journey.budget is None else (journey.budget,)
        plan = Plan(name="journey", itinerary=journey.steps, budgets=budgets)

        async def ask() -> None:
            await dispatch(self.runtime("client"), plan, [to_json(journey.payload)], options)
            self.note(f"r{number} is dispatched")

        await self.insist(ask)

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
        elif incident.target in self.witness.runs:
            await operate(self, incident, incident.target)

    def _forge(self, incident: Incident) -> None:
        """Put something into a queue that is no message of a run here: noise, or a message that was changed."""
        topic = [*activity][incident.after % len(activity)]
        pending = [*self.rows.twins.values()]
        if pending and incident.after % 3:
            twin = pending[incident.after % len(pending)]
            message_id, topic, body = twin.sealed._replace(body=twin.body.replace(b"0", b"1") + b" ")
            message_id += "-forged"  # under the id of a message that is delivered too, it goes when that is settled
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
                self._employ(self._crews[who])
            case "stall":
                self.note(f"{who} stands still for {incident.seconds:.2f} s")
                self.loop.stall(who, incident.seconds)
            case _:
                self.note(f"{who} is to stop")
                worker.stop()
                self._employ(self._crews[who])

    async def insist(self, ask: Callable[[], Awaitable[Any]]) -> None:
        while True:
            try:
                await ask()
            except Unavailable:
                await asyncio.sleep(0.3)
            else:
                return

    # -- workers

    def _employ(self, crew: Crew) -> None:
        who = f"worker-{len(self._crews)}"
        self._crews[who] = crew
        context = copy_context()
        context.run(WHO.set, who)
        context.run(self._spawn, self._work(who, crew))

    async def _work(self, who: str, crew: Crew) -> None:
        async def ask() -> None:
            async with self._worker(who, crew) as worker:
                await worker.stopped()

        await self.insist(ask)
        self.serving.pop(who, None)
        self.note(f"{who} has stopped")

    @asynccontextmanager
    async def _worker(self, who: str, crew: Crew) -> AsyncIterator[ActivityWorker]:
        options = WorkerOptions(crew.topics, self.schedule.concurrency, timedelta(seconds=0.5))
        runtime = replace(self.runtime(who), registry=older if crew.older else activity)
        async with ActivityWorker(runtime, options) as worker:
            self.note(f"{who} serves")
            self.serving[who] = worker
            yield worker

    def runtime(self, owner: str) -> Runtime:
        transport = FarTransport(self.broker, self.network) if self.schedule.broker else None
        if transport is not None:
            self._transports[owner] = transport
        store = FarStore(self.rows, self.network)
        lease = timedelta(seconds=LEASE)
        chance = self._jitter.random
        codec = SignedCodec() if self.schedule.signed else PlainCodec()
        return Runtime(store, codec, activity, owner, lease, transport, clock=self.loop.time, chance=chance)

    def _spawn(self, what: Any) -> None:
        task = asyncio.create_task(what)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
