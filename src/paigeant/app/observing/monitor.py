"""Monitor of a worker: metrics, health and readiness, served on a port from a thread."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from time import monotonic
from typing import Final

from paigeant.abc import Store, Transport
from paigeant.aio.race import cancel
from paigeant.engine.worker import ActivityWorker
from paigeant.errors import PaigeantError
from paigeant.model.runs import kind_of_reason
from paigeant.model.stored.overview import OpenCount, QueueView
from paigeant.model.values.json_text import to_json
from paigeant.telemetry.metrics.hooks import MetricsHooks
from paigeant.telemetry.metrics.instruments import Counter, Gauge, Instrument
from paigeant.telemetry.metrics.text import CONTENT_TYPE, prometheus_text
from paigeant.telemetry.output import dropped_lines
from paigeant.telemetry.server import Answer, ProbeServer

TICK: Final = 0.5
"""Seconds between two ticks of the event loop."""

FRESH: Final = 10.0
"""Seconds for which an answer of the store is cached."""

READY: Final = 30.0
"""Seconds within which the store must have answered."""

_PATIENCE: Final = 1.0
"""Seconds that a scrape waits for an answer of the store."""


class Monitor:
    """Counts events as ``hooks``; serves ``/metrics``, ``/health``, ``/ready`` and ``/queues`` while watching a worker.

    The queues are queried at most every 10 seconds, and only while somebody scrapes.
    """

    def __init__(self, *, stall: float = 60.0) -> None:
        """Report the event loop as hung once it has been blocked for ``stall`` seconds."""
        self.hooks: MetricsHooks = MetricsHooks()
        self._stall = stall
        self._ticked = self._answered = monotonic()
        self._scraped = self._asked = float("-inf")
        self._measured = threading.Event()
        self._wake: Callable[[], object] = self._measured.clear
        self._stopping = True
        self._worker: ActivityWorker | None = None
        self._topics: Collection[str] = ()
        self._queues: list[QueueView] = []
        self._depth = Gauge("paigeant.queue.depth", "Hops that are due; at most 10,001.", ["activity"])
        self._oldest = Gauge("paigeant.queue.oldest", "How long the oldest has been due.", ["activity"], "s")
        self._running = Gauge("paigeant.queue.running", "Hops that are leased; at most 10,001.", ["activity"])
        self._broker = Gauge("paigeant.queue.broker", "Messages at the broker, about.", ["activity"])
        self._open = Gauge("paigeant.hops.open", "Open hops; at most 10,001.", ["status", "reason"])
        self._letters = Gauge("paigeant.dead_letters.kept", "Dead letters in the store.")
        self._slots = Gauge("paigeant.slots", "Slots of this worker.", ["state"])
        self._lag = Gauge("paigeant.loop.lag", "How late the event loop is.", unit="s")
        self._dropped = Counter("paigeant.log.dropped", "Log lines that were lost.")
        self._build = Gauge("paigeant.build", "The version.", ["version"])
        self._build.set({(version("paigeant"),): 1.0})

    @property
    def instruments(self) -> list[Instrument]:
        """All counters, gauges and histograms."""
        return [*self.hooks.instruments, *(each for each in vars(self).values() if isinstance(each, Gauge | Counter))]

    def page(self, path: str) -> Answer | None:
        """Return the response for a path; called in any thread. It waits for the store for a second at most."""
        match path:
            case "/metrics":
                self._refresh()
                self._dropped.reached(float(dropped_lines()))
                return Answer(200, CONTENT_TYPE, prometheus_text(self.instruments))
            case "/health":
                return _probe("" if (still := monotonic() - self._ticked) < self._stall else f"hung for {still:.0f} s")
            case "/ready":
                return _probe(self._unready())
            case "/queues":
                self._refresh()
                shown = {"queues": [self._scaled(queue) for queue in self._queues]}
                return Answer(200, "application/json", to_json(shown).decode())
            case _:
                return None

    def _refresh(self) -> None:
        """Request fresh queue depths unless they are recent; after a timeout the last known ones are shown."""
        self._scraped = monotonic()
        if self._scraped - self._asked >= FRESH and self._worker is not None:
            self._measured.clear()
            with suppress(RuntimeError):  # the loop is closed
                self._wake()
            self._measured.wait(_PATIENCE)

    def _scaled(self, queue: QueueView) -> dict[str, object]:
        slots = 0 if self._worker is None else self._worker.slots.total
        return {**queue.model_dump(), "slots": slots, "wanted": wanted_workers(queue, slots or 1)}

    def _unready(self) -> str:
        if self._worker is None:
            return "it has not started, or it stops" if self._stopping else "it starts"
        if (silent := monotonic() - self._answered) > READY:
            return f"the store has not answered for {silent:.0f} s"
        return (
            "" if (still := monotonic() - self._ticked) < self._stall else f"the event loop has hung for {still:.0f} s"
        )

    @asynccontextmanager
    async def watching(self, worker: ActivityWorker, store: Store, transport: Transport | None) -> AsyncGenerator[None]:
        """Watch a worker that has started, until it is asked to stop or this is left."""
        loop, scraped = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(scraped.set)
        self._worker, self._stopping, self._topics = worker, False, worker.topics
        watching = [self._tick(), self._ask(store, transport, scraped), self._until_stopped(worker)]
        tasks: Sequence[asyncio.Task[None]] = [asyncio.create_task(each, name="paigeant-monitor") for each in watching]
        try:
            yield
        finally:
            self._stop()
            await cancel(tasks)

    def _stop(self) -> None:
        self._worker, self._stopping = None, True

    async def _until_stopped(self, worker: ActivityWorker) -> None:
        await worker.stopped()
        self._stop()

    async def _tick(self) -> None:
        while True:
            asked = monotonic()
            await asyncio.sleep(TICK)
            self._ticked = monotonic()
            self._lag.set({(): max(self._ticked - asked - TICK, 0.0)})
            if self._worker is not None:
                total, free = self._worker.slots.total, self._worker.slots.free
                self._slots.set({("used",): float(total - free), ("free",): float(free)})

    async def _ask(self, store: Store, transport: Transport | None, scraped: asyncio.Event) -> None:
        while True:
            with suppress(PaigeantError, OSError, TimeoutError):
                if monotonic() - self._scraped < FRESH:
                    self._asked = monotonic()
                    await self._measure(store, transport)
                else:
                    await store.list_plans()
                self._answered = monotonic()
            self._measured.set()
            scraped.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(FRESH):
                    await scraped.wait()

    async def _measure(self, store: Store, transport: Transport | None) -> None:
        self._queues = await store.list_queues()
        self._depth.set({(queue.activity,): float(queue.due) for queue in self._queues})
        self._oldest.set({(queue.activity,): queue.oldest or 0.0 for queue in self._queues})
        self._running.set({(queue.activity,): float(queue.running) for queue in self._queues})
        counts = await store.count_open()
        self._open.set(_by_reason(counts))
        self._letters.set({(): float(await store.count_dead_letters())})
        if transport is not None:
            depths = {(topic,): float(await transport.depth(topic)) for topic in self._topics}
            self._broker.set(depths)


def _by_reason(counts: Iterable[OpenCount]) -> dict[tuple[str, str], float]:
    """Return the number of open hops by status and reason; reasons that steps wrote themselves count as ``parked``."""
    totals: defaultdict[tuple[str, str], float] = defaultdict(float)
    for count in counts:
        totals[count.status, kind_of_reason(count.reason) or ""] += count.count
    return dict(totals)


def wanted_workers(queue: QueueView, slots: int) -> int:
    """Return how many workers with this many slots would run all due and running hops at once; 0 without any."""
    return -(-(queue.due + queue.running) // max(slots, 1))


def _probe(wrong: str) -> Answer:
    return Answer(503 if wrong else 200, "text/plain; charset=utf-8", f"{wrong or 'ok'}\n")


def serve_probes(monitor: Monitor, host: str, port: int) -> ProbeServer:
    """Serve a monitor's pages on a port; raises ConfigError for a port that is not available."""
    return ProbeServer(host, port, monitor.page)
