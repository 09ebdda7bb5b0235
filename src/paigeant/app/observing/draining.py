"""Draining: a worker that stops once none of its activities has work that is due."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import Final

from paigeant.abc import Store
from paigeant.engine.worker import ActivityWorker
from paigeant.errors import Unavailable
from paigeant.model.entries.entry import FLOW

_LOOK: Final = 0.2
"""Minimum of seconds between two polls of the queues; a tenth of the required idle time if that is longer."""


async def until_drained(store: Store, worker: ActivityWorker, idle: float) -> None:
    """Return once no work of the worker has been due, or running here, for ``idle`` seconds.

    Work that is due later, such as a retry or a sleep, is not waited for. While the store is unavailable the worker
    does not count as drained.
    """
    since, topics = monotonic(), {*worker.topics, FLOW}
    while monotonic() - since < idle:
        await asyncio.sleep(max(_LOOK, idle / 10))
        busy = True
        with suppress(Unavailable):
            queues = await store.list_queues()
            due = any(queue.due for queue in queues if queue.activity in topics)
            busy = due or worker.slots.free < worker.slots.total
        if busy:
            since = monotonic()
