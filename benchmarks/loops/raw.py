"""The raw loop: the operations of the backend in lock-step, a hundred hops at a time, and nothing else."""

from __future__ import annotations

import json
from time import perf_counter
from uuid import uuid4

from loops.backend import Backend
from loops.hops import Done, Hop, Start

TOGETHER = 100


class RawLoop:
    """No tasks, no models, no names: what the database and the broker would give to anybody."""

    def __init__(self, backend: Backend, steps: int) -> None:
        """Do runs of so many steps."""
        self._backend = backend
        self._steps = steps
        self.reached = 0.0
        """When the latest step was done, by the clock that ``perf_counter`` reads; its commit came after."""

    async def run(self, count: int, text: str) -> None:
        """Dispatch so many runs, and return when all are done."""
        input_ = json.dumps({"text": text}).encode()
        for first in range(0, count, TOGETHER):
            batch = range(min(TOGETHER, count - first))
            await self._backend.start([Start(uuid4(), input_, input_) for _ in batch])
        left = count
        while left:
            hops = await self._backend.take(TOGETHER)
            left -= len(hops)
            while hops:
                hops = await self._backend.finish([self._step(hop) for hop in hops])

    def _step(self, hop: Hop) -> Done:
        result = json.dumps(json.loads(hop.body)["text"]).encode()
        self.reached = perf_counter()
        return Done(hop, result, None if hop.position == self._steps else hop.body)
