"""The engine loop: what no engine of this design can do without, written as plainly as it can be.

Dispatch, leases with fences, a message for each hop written and read as a pydantic model (an itinerary that shrinks, a
record that grows), a task for each step, results that are validated and recorded, commits in groups, the next step
leased in the commit of the one before. No retries, no timeouts, no registry, no binding of arguments, no hooks, no
heartbeats, no sweeper: those are what a framework adds, and what the share of this loop measures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

from pydantic import BaseModel, TypeAdapter

from loops.backend import Backend
from loops.hops import Done, Hop, Start

GROUP = 256
VALUE: TypeAdapter[Any] = TypeAdapter(Any)


class Entry(BaseModel, frozen=True):
    """A step of an itinerary."""

    activity: str
    id: UUID


class Message(BaseModel, frozen=True):
    """What travels."""

    run: UUID
    workflow: str
    position: int
    trace_id: str
    created_at: datetime
    input: dict[str, Any]
    previous: Any = None
    itinerary: tuple[Entry, ...]
    executed: tuple[Entry, ...] = ()


class EngineLoop:
    """One worker, which dispatches too. Used as ``async with``."""

    def __init__(self, backend: Backend, activities: Mapping[str, Callable[[str], Awaitable[str]]], slots: int) -> None:
        """Run at most ``slots`` steps at a time."""
        self._backend = backend
        self._activities = activities
        self._free = slots
        self._room = asyncio.Event()
        self._queue: list[tuple[Done, asyncio.Future[Hop | None]]] = []
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Start."""
        self._loops = [asyncio.create_task(self._take_in()), asyncio.create_task(self._commit())]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; raises what went wrong."""
        for loop in self._loops:
            loop.cancel()
        for result in await asyncio.gather(*self._loops, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def dispatch(self, count: int, plan: Sequence[str], text: str) -> None:
        """Record so many runs of these steps."""
        await self._backend.start([_start(plan, text) for _ in range(count)])

    async def _take_in(self) -> None:
        while True:
            while not self._free:
                self._room.clear()
                await self._room.wait()
            hops = await self._backend.take(self._free)
            self._free -= len(hops)
            for hop in hops:
                self._begin(hop)

    def _begin(self, hop: Hop) -> None:
        task = asyncio.create_task(self._step(hop))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _step(self, hop: Hop) -> None:
        message = Message.model_validate_json(hop.body)
        result = await self._activities[message.itinerary[0].activity](message.input["text"])
        following = None
        if len(message.itinerary) > 1:
            following = _seal(
                message.model_copy(
                    update={
                        "position": message.position + 1,
                        "previous": result,
                        "itinerary": message.itinerary[1:],
                        "executed": (*message.executed, message.itinerary[0])[-16:],
                    }
                )
            )
        answer: asyncio.Future[Hop | None] = asyncio.get_running_loop().create_future()
        self._queue.append((Done(hop, VALUE.dump_json(result), following), answer))
        self._wake.set()
        if (next_hop := await answer) is not None:
            self._begin(next_hop)
        else:
            self._free += 1
            self._room.set()

    async def _commit(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                group, self._queue = self._queue[:GROUP], self._queue[GROUP:]
                leased = await self._backend.finish([done for done, _ in group])
                following = {hop.run: hop for hop in leased}
                for done, answer in group:
                    answer.set_result(following.get(done.hop.run))


def _seal(message: Message) -> bytes:
    return message.model_dump_json().encode()


def _start(plan: Sequence[str], text: str) -> Start:
    itinerary = tuple(Entry(activity=name, id=uuid4()) for name in plan)
    message = Message(
        run=uuid4(),
        workflow="bench",
        position=1,
        trace_id=uuid4().hex,
        created_at=datetime.now(UTC),
        input={"text": text},
        itinerary=itinerary,
    )
    return Start(message.run, VALUE.dump_json(message.input), _seal(message))
