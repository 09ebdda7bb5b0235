"""Draining: a worker that works until nothing of its activities is due."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import Final

from paigeant.abc import Store
from paigeant.engine.worker import ActivityWorker
from paigeant.errors import Unavailable

_LOOK: Final = 0.2
"""Seconds between two looks at the queues, or a tenth of what the worker must have been idle for."""


async def until_drained(store: Store, worker: ActivityWorker, idle: float) -> None:
    """Return once nothing that the worker serves has been due, or running here, for ``idle`` seconds.

    What is due later, as a retry or a sleep, is not waited for. While the store is away nothing counts as drained.
    """
    since = monotonic()
    while monotonic() - since < idle:
        await asyncio.sleep(max(_LOOK, idle / 10))
        busy = True
        with suppress(Unavailable):
            queues = await store.list_queues()
            due = any(queue.due for queue in queues if queue.activity in worker.topics)
            busy = due or worker.slots.free < worker.slots.total
        if busy:
            since = monotonic()
