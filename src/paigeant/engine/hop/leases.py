"""Leases of a worker: renewed from a thread of their own, abandoned before anyone else can hold them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from typing import Final, Self

from paigeant.abc import Heart, StepSpan
from paigeant.activities.faults import standing_at
from paigeant.engine.custody.notes import signed_detail
from paigeant.engine.grants import margin, require_signed
from paigeant.engine.hop.heartbeat import Progress
from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected
from paigeant.model.checks.findings import Finding
from paigeant.model.entries.entry import FLOW
from paigeant.model.events import HeartbeatLate, Noticed
from paigeant.model.hops import Leased, LeaseToken, Pulse
from paigeant.model.runs import CancelRequest, Direction

_LOOK: Final = "look who may write to the store: nobody has asked for it with paigeant, or its API"


class Cut(Enum):
    """Reasons to cut a running step short."""

    LOST = "lost"
    CANCELLED = "cancelled"
    STOPPING = "stopping"


class ActiveLease:
    """A leased step in this worker; it can be cut short only while its code runs."""

    def __init__(self, leased: Leased, good_until: float, progress: Progress) -> None:
        """Hold the lease of ``leased``, valid until this time of the clock; ``progress`` has its heartbeats."""
        self.leased = leased
        self.good_until = good_until
        self.cut: Cut | None = None
        self.cancel_request: CancelRequest | None = None
        self.progress = progress
        self.span: StepSpan | None = None
        """Span of this execution, while it runs."""
        self.was_doubted: bool = False
        """True if it was reported that the request to end the step is not signed."""
        self._task: asyncio.Task[object] | None = None
        self._cancelled = False

    @property
    def held(self) -> LeaseToken:
        """The lease."""
        return self.leased.grant.held

    def __enter__(self) -> None:
        """While inside, :meth:`interrupt` cancels the current task, once; later code is not cancelled."""
        self._task = asyncio.current_task()

    def __exit__(self, *_: object) -> None:
        """From now on a cancellation is not meant for the step."""
        # The task is no longer cancelled, whether the code let the cancellation through or swallowed it.
        if self._cancelled and self._task is not None:
            self._task.uncancel()
        self._task = None

    def interrupt(self, why: Cut, cancel_request: CancelRequest | None = None) -> None:
        """Cut the step short, once; the first reason counts, except that a lost lease always does."""
        self.progress.lost = self.progress.lost or why is Cut.LOST
        if self.cut is None or (why is Cut.LOST and self.cut is not Cut.LOST):
            first = self.cut is None
            self.cut, self.cancel_request = why, cancel_request
            if self._task is not None and first:
                self._cancelled = self._task.cancel()


class LeaseKeeper:
    """Renews the leases of all running steps at a third of their length, and cuts short steps that lost theirs.

    Heartbeats use a thread and a connection of their own if the store supports it, so that a step that blocks the event
    loop keeps its lease. Once the loop has been blocked for the ``stall`` of the runtime it counts as hung: steps in it
    are not renewed any more, while a step in a thread is renewed as long as its thread works. A lease without an answer
    is abandoned when a sixth of it is left; a refused one, at once.
    """

    def __init__(self, runtime: Runtime) -> None:
        """Renew leases in the store of ``runtime``, with its length."""
        self._runtime = runtime
        self._store = runtime.store
        self._lease = runtime.lease
        self._running: set[ActiveLease] = set()
        self._margin = margin(runtime)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._proving: dict[LeaseToken, asyncio.Task[None]] = {}
        self._thread: threading.Thread | None = None
        self._loop_thread = threading.get_ident()
        self._ticked = runtime.clock()
        self._stalled = False

    async def __aenter__(self) -> Self:
        """Start the heartbeats."""
        heart = self._store.heart()
        loop = asyncio.get_running_loop()
        if heart is None:
            self._tasks.append(asyncio.create_task(self._renew_in_loop(), name="paigeant-beat"))
        else:
            self._thread = threading.Thread(
                target=self._renew_in_thread, args=(heart, loop), name="paigeant-heart", daemon=True
            )
            self._thread.start()
        self._tasks.append(asyncio.create_task(self._watch(), name="paigeant-leases"))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the heartbeats."""
        self._stop.set()
        for task in [*self._tasks, *self._proving.values()]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5)

    def track_lease(self, leased: Leased, asked_at: float) -> ActiveLease:
        """Renew this lease, requested at ``asked_at`` of the runtime's clock, until :meth:`drop`."""
        progress = Progress(leased.grant.topic, self._runtime.clock)
        running = ActiveLease(leased, asked_at + self._margin, progress)
        with self._lock:
            self._running.add(running)
        return running

    def drop(self, running: ActiveLease) -> None:
        """Forget a lease that was committed, released or lost, and release the secrets of its step."""
        running.progress.secrets.release()
        with self._lock:
            self._running.discard(running)

    def all(self) -> list[ActiveLease]:
        """Return the active leases."""
        with self._lock:
            return list(self._running)

    def _due(self) -> dict[LeaseToken, bytes | None]:
        """Return the leases to renew, each with its step's unsent detail."""
        return {
            running.held: running.progress.unsent
            for running in self.all()
            if running.cut is not Cut.LOST and (running.progress.in_thread or not self._stalled)
        }

    async def _renew_in_loop(self) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            if due := self._due():
                asked_at = self._runtime.clock()
                try:
                    pulses = await self._store.beat(list(due), self._lease, self.signed(due))
                    self._renewed(pulses, asked_at, due)
                    self._judge(pulses)
                except Exception as error:  # noqa: BLE001  (the next beat may get through)
                    self._runtime.trouble("renewing leases", error)

    def _renew_in_thread(self, heart: Heart, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while not self._stop.wait(self._lease.total_seconds() / 3):
                self._check_event_loop()
                if due := self._due():
                    self._renew_now(heart, due, loop)
        finally:
            heart.close()

    def _check_event_loop(self) -> None:
        still = self._runtime.clock() - self._ticked
        hangs = still > self._runtime.stall.total_seconds()
        if hangs and not self._stalled:
            text = f"the event loop has stood still for {still:.0f} s, {standing_at(self._loop_thread)}"
            self._runtime.trouble("renewing the leases of what runs in it, which are given up", TimeoutError(text))
        self._stalled = hangs

    def signed(self, due: Mapping[LeaseToken, bytes | None]) -> dict[LeaseToken, bytes] | None:
        """Return the signed details to send; mostly there are none."""
        said = [running for running in self.all() if due.get(running.held) is not None]
        found = ((each.held, signed_detail(self._runtime, each.leased, due[each.held])) for each in said)
        return {held: detail for held, detail in found if detail is not None} or None

    def _renew_now(self, heart: Heart, due: Mapping[LeaseToken, bytes | None], loop: asyncio.AbstractEventLoop) -> None:
        asked_at = self._runtime.clock()
        with suppress(RuntimeError):  # the loop is closed: the worker has stopped
            try:
                pulses = heart.beat(list(due), self._lease, self.signed(due))
                self._renewed(pulses, asked_at, due)
            except Exception as error:  # noqa: BLE001  (the next beat may get through)
                loop.call_soon_threadsafe(self._runtime.trouble, "renewing leases", error)
            else:
                loop.call_soon_threadsafe(self._judge, pulses)

    def _renewed(self, pulses: list[Pulse], asked_at: float, due: Mapping[LeaseToken, bytes | None]) -> None:
        """Extend leases and mark details as sent, in the heartbeat thread: the event loop may be blocked."""
        with self._lock:
            held = {running.held: running for running in self._running}
            for pulse in pulses:
                running = held.get(pulse.held)
                if pulse.alive and running is not None:
                    running.good_until = max(running.good_until, asked_at + self._margin)
                    running.progress.sent(due[pulse.held])

    def _judge(self, pulses: list[Pulse]) -> None:
        held = {running.held: running for running in self.all()}
        for pulse in pulses:
            running = held.get(pulse.held)
            if running is None:
                continue
            if not pulse.alive:
                running.interrupt(Cut.LOST)
            elif pulse.cancel is not None and _may_be_cut(running.leased):
                self._cut(running, pulse.cancel)

    def _cut(self, running: ActiveLease, asked: CancelRequest) -> None:
        """Cut a step short because its run, or its branch, is to end; where hops are signed, once that is verified."""
        if not self._runtime.codec.signs:
            running.interrupt(Cut.CANCELLED, asked)
        elif running.cut is None and running.held not in self._proving:
            proving = asyncio.create_task(self._cut_if_signed(running, asked), name="paigeant-proving")
            self._proving[running.held] = proving
            proving.add_done_callback(lambda _: self._proving.pop(running.held, None))

    async def _cut_if_signed(self, running: ActiveLease, asked: CancelRequest) -> None:
        try:
            await require_signed(self._runtime, running.leased, asked)
        except MessageRejected as error:
            if not running.was_doubted:
                text = f"asked to end {running.held.key.message_id}, which goes on: {error}"
                self._runtime.report(Noticed(self._runtime.owner, Finding.warning("custody", text, _LOOK)))
            running.was_doubted = True
        except Exception as error:  # noqa: BLE001  (the next beat asks again)
            self._runtime.trouble(f"asking who wants {running.held.key.message_id} to end", error)
        else:
            running.interrupt(Cut.CANCELLED, asked)

    async def _watch(self) -> None:
        """Abandon leases that expire without an answer."""
        while True:
            await asyncio.sleep(min(1.0, self._lease.total_seconds() / 12))
            now = self._ticked = self._runtime.clock()
            for running in self.all():
                if running.good_until <= now:
                    if running.cut is not Cut.LOST:
                        self._runtime.report(HeartbeatLate(self._runtime.owner, running.leased))
                    running.interrupt(Cut.LOST)


def _may_be_cut(leased: Leased) -> bool:
    """True if a cancel request ends this hop at once.

    Compensations are not cut short, and neither are nodes: a node runs no user code, and its end follows from its
    branches or its child run. Cut short between their end and its own, it would end as if nothing had been undone, or
    would never undo what a child has completed.
    """
    message = leased.message
    return message.headers.direction is Direction.EXECUTE and message.topic != FLOW
