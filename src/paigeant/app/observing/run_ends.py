"""Ends of runs: one query of the store serves all callers in a process that wait for results."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextvars import Context
from itertools import islice
from time import monotonic
from typing import Final
from uuid import UUID

from paigeant.abc import RunReader
from paigeant.aio.race import cancel, until_first
from paigeant.errors import Unavailable

_LOOK: Final = 5.0
"""Seconds after which the store is queried again even without a reported change."""

_AT_ONCE: Final = 1000
"""Runs in one query of the store."""

_REST: Final = 4.0
"""Pause between two queries, as a multiple of a query's duration: queries take at most a fifth of the time."""

_LONGEST_REST: Final = 0.5
"""Seconds."""


class RunEnds:
    """Notifies callers that wait for runs to end.

    Each commit of a busy store may be the end of any run. If every caller queried the store by itself, a thousand
    pending results would cost a million queries.
    """

    def __init__(self, reader: RunReader) -> None:
        """Start without callers."""
        self._reader = reader
        self._waiting: dict[UUID, set[asyncio.Future[None]]] = {}
        self._new: set[UUID] = set()
        """Awaited runs whose status was not read yet."""
        self._arrived = asyncio.Event()
        self._seen = 0
        self._looking: asyncio.Task[None] | None = None

    async def wait(self, workflow_id: UUID, timeout: float | None) -> bool:
        """Return True once the run has ended, or is unknown; False if it has not ended after this many seconds.

        Raises Unavailable if the store does not answer, or if this is closed meanwhile.
        """
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(workflow_id, set()).add(ended)
        self._new.add(workflow_id)
        self._arrived.set()
        if self._looking is None or self._looking.done():
            own = Context()  # not the context of a step that waits
            self._looking = asyncio.create_task(self._look(), name="ends of runs", context=own)
        try:
            await asyncio.wait([ended], timeout=timeout)
        finally:
            self._forget(workflow_id, ended)
        if ended.done():
            ended.result()
            return True
        return False

    async def close(self) -> None:
        """Stop; callers that still wait get an error that the store is closed."""
        if self._looking is not None:
            await cancel([self._looking])
        self._settle(list(self._waiting), Unavailable("the store was closed while a run was waited for"))

    async def _look(self) -> None:
        """Query new callers' runs at once, and all runs after a change, as long as any caller waits."""
        while self._waiting:
            began = monotonic()
            self._arrived.clear()
            asked, self._new = self._new & self._waiting.keys() or set(self._waiting), set()
            for part in _parts(asked):
                await self._look_for(part)
            rest = min(_LONGEST_REST, _REST * (monotonic() - began))
            if not self._new:
                await until_first(self._arrived.wait(), timeout=rest)
            if not self._new and self._waiting:
                await until_first(self._arrived.wait(), self._change())

    async def _change(self) -> None:
        self._seen = await self._reader.wait_for_change(self._seen, _LOOK)

    async def _look_for(self, workflow_ids: Sequence[UUID]) -> None:
        try:
            open_runs = await self._reader.find_open(workflow_ids)
        except Exception as error:  # noqa: BLE001  (it is raised by all who wait for these)
            self._settle(workflow_ids, error)
        else:
            self._settle([each for each in workflow_ids if each not in open_runs])

    def _settle(self, workflow_ids: Iterable[UUID], error: Exception | None = None) -> None:
        for ended in (one for each in workflow_ids for one in self._waiting.pop(each, ())):
            if ended.done():
                continue
            if error is None:
                ended.set_result(None)
            else:
                ended.set_exception(error)

    def _forget(self, workflow_id: UUID, ended: asyncio.Future[None]) -> None:
        others = self._waiting.get(workflow_id, set())
        others.discard(ended)
        if not others:
            self._waiting.pop(workflow_id, None)


def _parts(workflow_ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    rest = iter(workflow_ids)
    while part := list(islice(rest, _AT_ONCE)):
        yield part
