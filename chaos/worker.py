"""A worker, as ``paigeant run`` makes one, whose parts may die."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal

from chaos.doomed import DoomedPaigeant
from chaos.handlers import handlers
from chaos.journeys import workflows
from chaos.mutations import apply
from chaos.orders import Orders
from paigeant.engine.flow import fan
from paigeant.routing.fan import branches

_SUPPLY = 5
"""Branches that one commit begins here, so that those of one run are supplied in several."""


def work(orders: Orders) -> None:
    """Serve until SIGTERM, or until death."""
    orders.speak_into_a_file()
    branches.SUPPLY = fan.SUPPLY = _SUPPLY  # type: ignore[misc]
    apply(orders.mutation)
    asyncio.run(_serve(orders))


async def _serve(orders: Orders) -> None:
    points = orders.points
    registry = handlers(orders, points)
    stop = end_with_parent()
    app = DoomedPaigeant(points, registry, workflows=workflows(), settings=orders.settings, forgetful=orders.forgetful)
    async with app, app.worker(activities=orders.topics or None, concurrency=orders.concurrency):
        await stop.wait()


def end_with_parent() -> asyncio.Event:
    """Return what is set by SIGTERM; see to it that this process does not outlive the one that hired it."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop.add_reader(parent.sentinel, lambda: os._exit(1))
    return stop
