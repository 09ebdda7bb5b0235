"""The same work for everybody: runs of a few trivial steps, each given and returning about 200 bytes.

Standard library only: it also runs in the environments of the peers.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Job:
    """What one contestant is asked to do, in a process of its own: passed as JSON in its only argument."""

    task: str = "throughput"
    store: str = ""
    transport: str | None = None
    servers: tuple[int, ...] = ()
    """Process ids of the servers, whose CPU counts."""
    runs: int = 1000
    warm: int = 200
    """Runs before anything is measured."""
    steps: int = 3
    in_flight: int = 1000
    slots: int = 256
    """Steps that a worker runs at a time, where that can be said."""
    letters: int = 180
    """Of the text that each step is given and returns; with its key and quotes about 200 bytes of JSON."""
    workers: int = 1
    """Processes that execute, where the task is to start several."""
    signing: str = "off"
    """Whether hops are signed: ``on`` or ``off``."""
    when: bool = False
    """Whether each step has a condition, which is true."""
    samples: int = 100
    """Runs of which the latency is taken."""
    telemetry: str = "logs"
    """What `paigeant run` tells: `off` or `logs`, as it comes; `metrics` beside them, and `some` or `all` traces."""
    seconds: float = 10
    """For which an idle worker is watched."""

    @property
    def text(self) -> str:
        """What each step is given and returns."""
        return "x" * self.letters

    def as_argument(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of_arguments(cls) -> Job:
        """Read what this process was asked to do."""
        fields = json.loads(sys.argv[1])
        return cls(**fields | {"servers": tuple(fields["servers"])})


def plan_of(job: Job) -> list[str]:
    """Return the names of the steps; the last one says that it was reached."""
    return ["step"] * (job.steps - 1) + ["last"]


def answer(**result: Any) -> None:
    """Tell whoever started this process: one line of JSON, the last one."""
    print(json.dumps(result), flush=True)


class Flight:
    """Keeps so many runs on their way: as runs end, others are dispatched, together what there is room for."""

    def __init__(self, in_flight: int) -> None:
        """Nothing is on its way yet."""
        self._in_flight = in_flight
        self._landed = 0
        self._wanted = 1
        self._enough = asyncio.Event()

    def land(self) -> None:
        """Say that a run has come to the end of its last step."""
        self._landed += 1
        if self._landed >= self._wanted:
            self._enough.set()

    async def fly(self, total: int, dispatch: Callable[[int], Awaitable[Any]]) -> None:
        """Dispatch so many runs, and return when all have come to the end of their last step."""
        self._landed = sent = 0
        least = max(1, self._in_flight // 10)
        while sent < total:
            batch = min(self._in_flight - (sent - self._landed), total - sent)
            await dispatch(batch)
            sent += batch
            await self._until(sent - self._in_flight + min(least, total - sent))
        await self._until(total)

    async def _until(self, landed: int) -> None:
        self._wanted = landed
        self._enough.clear()
        if self._landed < landed:
            await self._enough.wait()
