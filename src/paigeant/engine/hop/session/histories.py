"""Histories of a run visible to a step, and the history of the step itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, Protocol, TypeVar

from paigeant.abc import HistoryAccess
from paigeant.engine.hop.session.recorder import StepRecorder
from paigeant.engine.secrecy.step import StepSecrets
from paigeant.model.calls.histories import HISTORY_BYTES, History, HistoryHead, StoredHistory
from paigeant.model.calls.packed import pack
from paigeant.model.entries.step import Step
from paigeant.model.hops import Leased
from paigeant.protocol.calls.histories import seen

T = TypeVar("T")

_LARGE: Final = 256 * 1024
"""Size in bytes from which a text is compressed in a thread."""


class _Step(Protocol):
    """Session methods that this uses."""

    async def here(self, asked: Coroutine[Any, Any, T]) -> T:
        """Await it in the worker's event loop."""
        ...

    async def judged(self, judge: Callable[[], Awaitable[None]]) -> None:
        """Return if what was read is what was signed; if not, the step comes to that."""
        ...

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Repeat it while the store is unavailable."""
        ...


class LeasedHistories(HistoryAccess):
    """Histories of one execution; ``kept`` is written with its commit, if that completes the step."""

    def __init__(self, recorder: StepRecorder, leased: Leased, step: _Step, secrets: StepSecrets) -> None:
        """Read from the recorder's store; a history that contains one of the held ``secrets`` is refused."""
        self._store = recorder.store
        self._require = recorder.require_histories
        self._leased = leased
        self._step = step
        self._secrets = secrets
        self.kept: History | None = None

    async def keep(self, json: bytes, library: str) -> int | None:
        """Keep the text for the commit."""
        size, entry = len(json), self._leased.message.routing_slip.next_step()
        name = entry.name if isinstance(entry, Step) else None
        self._secrets.require_unspoken(json, "what its agent was told and said")
        if size > HISTORY_BYTES:
            self.kept = History(library, size, None, name)
            return HISTORY_BYTES
        payload = await asyncio.to_thread(pack, json) if size > _LARGE else pack(json)
        self.kept = History(library, size, payload, name)
        return None

    async def find(self, step: str) -> list[HistoryHead]:
        """Return the visible histories."""
        _, path, position = key = self._leased.grant.key
        found = await self._step.here(self._step.patiently(lambda: self._store.list_histories(key.workflow_id)))
        await self._judged({(head.path, head.position): head.digest for head in found}, whole=True)
        return seen(found, step, path, position)

    async def load(self, head: HistoryHead) -> StoredHistory | None:
        """Return the history of this place."""
        key = self._leased.grant.key._replace(path=head.path, position=head.position)
        found = await self._step.here(self._step.patiently(lambda: self._store.load_history(key)))
        if found is not None:
            await self._judged({(head.path, head.position): found.digest}, whole=False)
        return found

    async def _judged(self, found: Mapping[tuple[str, int], str | None], *, whole: bool) -> None:
        await self._step.here(self._step.judged(lambda: self._require(self._leased, found, whole)))
