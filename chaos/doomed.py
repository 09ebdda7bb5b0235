"""The composition of a process that may die at a crash point: the real parts, each watched from outside."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from random import Random
from typing import Any, Final

from chaos.points import Points
from chaos.watching import watched
from paigeant import Paigeant
from paigeant.abc import Heart, Hooks, Store, Transport
from paigeant.engine.runtime import Runtime
from paigeant.errors import Unavailable
from paigeant.model.hops import Commit, CommitResult, Grant, Leased, RunStart
from paigeant.model.runs import StepStatus
from paigeant.model.stored.claims import Announced, Due

LEASE: Final = ContextVar[Grant]("lease")
"""The lease under which the code at hand runs."""


def _is_for_work(call: str, arguments: tuple[Any, ...]) -> bool:
    """Tell whether it counts: not a claim of runs to be ended, made all along and often in vain, nor a free record."""
    match call:
        case "claim":
            return isinstance(arguments[1], Due | Announced)
        case "record_checkpoints":
            return any(recording.charges for recording in arguments[0])
        case _:
            return True


class StoreWatch:
    """Dies beside calls of the store, and forgets answers: what was asked for is done, and nobody learns it."""

    def __init__(self, points: Points, forgetful: float) -> None:
        """Lose this share of the answers to leases and commits."""
        self._points = points
        self._forgetful = forgetful
        self._chance = Random()
        self.handed_over = set[tuple[Any, int]]()

    def before(self, call: str, arguments: tuple[Any, ...]) -> None:
        """Die before it."""
        point = _BEFORE.get(call) if _is_for_work(call, arguments) else None
        if point is not None:
            self._points.reach(point)

    def after(self, call: str, arguments: tuple[Any, ...], answer: Any) -> Any:
        """Die behind it, if it did anything."""
        if call == "heart":
            return answer and watched(answer, Heart, self)
        if not _is_for_work(call, arguments):
            return answer
        point = _AFTER.get(call)
        if point is not None and (answer or call == "release"):
            self._points.reach(point)
        if call in _FORGETTABLE and answer and self._chance.random() < self._forgetful:
            text = "the answer was lost"
            raise Unavailable(text)
        return answer


class CommitWatch(StoreWatch):
    """Dies beside commits too, by what they are about."""

    def after(self, call: str, arguments: tuple[Any, ...], answer: Any) -> Any:
        """Die behind it, if it did anything."""
        if call == "record_step_result":
            self._points.reach("commit-in-doubt")
            for commit, settled in zip(arguments[0], answer, strict=True):
                for name in _points_of(commit, settled):
                    self._points.reach(name)
            grants = [settled.handed_over for settled in answer if settled.handed_over is not None]
            self.handed_over |= {grant.held for grant in grants}
        return super().after(call, arguments, answer)


def _points_of(commit: Commit, settled: CommitResult) -> Iterator[str]:
    """Yield the points at which a process is that has asked for this commit, and does not know its answer yet."""
    made = commit.transition
    if made.hop.status is StepStatus.RETRYING:
        yield "retry-in-doubt"
    if made.end is not None:
        yield "ending-in-doubt"
    if made.fan_out is not None and made.next:
        yield "supply-in-doubt" if made.fan_out.start is None else "fan-out-in-doubt"
    if made.arrival is not None:
        yield "arrival-in-doubt"
    if made.joined:
        yield "join-in-doubt"
    if settled.freed:
        yield "freed-not-published"
    yield from _others_of(commit)


def _others_of(commit: Commit) -> Iterator[str]:
    if commit.transition.writes.asks:
        yield "parked-in-doubt"
    if isinstance(commit.child, RunStart):
        yield "child-in-doubt"


_BEFORE: Final = {
    "record_workflow_start": "dispatch-not-recorded",
    "claim": "received-not-leased",
    "record_step_result": "finished-not-committed",
    "release": "stopping-not-released",
    "send_signals": "signal-not-sent",
    "record_checkpoints": "call-made-not-recorded",
}
_AFTER: Final = {
    "record_workflow_start": "dispatch-in-doubt",
    "claim": "lease-in-doubt",
    "beat": "renewal-in-doubt",
    "release": "release-in-doubt",
    "take_announcements": "due-not-published",
    "end_dead_leases": "reclaimed-not-taken-up",
    "send_signals": "signal-in-doubt",
    "record_checkpoints": "checkpoint-in-doubt",
    "reserve": "reserved-not-called",
    "answer_approval": "answered-in-doubt",
}
_FORGETTABLE: Final = frozenset(
    {"record_workflow_start", "claim", "beat", "record_step_result", "take_announcements", "send_signals"}
)


class TransportWatch:
    """Dies beside calls of the broker."""

    def __init__(self, points: Points, dispatcher: bool) -> None:  # noqa: FBT001  (a process is one or the other)
        """Name the points as a worker, or a dispatcher, reaches them."""
        self._points = points
        self._publish = (
            ("recorded-not-published", "dispatch-confirm-lost")
            if dispatcher
            else ("committed-not-published", "published-confirm-lost")
        )
        self.acknowledged: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def before(self, call: str, arguments: tuple[Any, ...]) -> None:
        """Die before it."""
        del arguments
        if call in {"publish", "ack"}:
            self._points.reach(self._publish[0] if call == "publish" else "leased-not-acknowledged")

    def after(self, call: str, arguments: tuple[Any, ...], answer: Any) -> Any:
        """Die behind it."""
        if call == "publish":
            self._points.reach(self._publish[1])
        elif call == "ack" and self._points.armed == "acknowledged-not-begun":
            self.acknowledged[arguments[0]].set()
        return answer


class StepWatch(Hooks):
    """Dies between a lease and the step's code, and tells the code under which lease it runs."""

    def __init__(self, points: Points, store: StoreWatch, transport: TransportWatch) -> None:
        """Look at what the others saw."""
        self._points = points
        self._store = store
        self._transport = transport

    @asynccontextmanager
    async def around_step(self, leased: Leased) -> AsyncGenerator[None]:
        """Wrap one execution."""
        LEASE.set(leased.grant)
        if leased.grant.held in self._store.handed_over:
            self._store.handed_over.discard(leased.grant.held)
            self._points.reach("handed-over-not-begun")
        else:
            self._points.reach("leased-not-begun")
            if self._points.armed == "acknowledged-not-begun":
                async with asyncio.timeout(5):
                    await self._transport.acknowledged[leased.grant.key.message_id].wait()
                self._points.reach("acknowledged-not-begun")
        yield


class DoomedPaigeant(Paigeant):
    """``Paigeant`` whose parts may die; nothing else about it differs."""

    def __init__(
        self, points: Points, *arguments: Any, dispatcher: bool = False, forgetful: float = 0.0, **more: Any
    ) -> None:
        """As ``Paigeant``."""
        self._store_watch = CommitWatch(points, forgetful)
        self._transport_watch = TransportWatch(points, dispatcher)
        super().__init__(*arguments, hooks=StepWatch(points, self._store_watch, self._transport_watch), **more)

    @property
    def runtime(self) -> Runtime:
        """The parts in use, watched."""
        runtime = super().runtime
        transport = runtime.transport and watched(runtime.transport, Transport, self._transport_watch)
        return replace(runtime, store=watched(runtime.store, Store, self._store_watch), transport=transport)
