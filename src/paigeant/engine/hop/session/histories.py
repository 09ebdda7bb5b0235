"""Histories of a run visible to a step, and the history of the step itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from paigeant.abc import HistoryAccess, Store
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

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Repeat it while the store is unavailable."""
        ...


class LeasedHistories(HistoryAccess):
    """Histories of one execution; ``kept`` is written with its commit, if that completes the step."""

    def __init__(self, store: Store, leased: Leased, step: _Step, secrets: StepSecrets) -> None:
        """Read from ``store``; a history that contains one of the held ``secrets`` is refused."""
        self._store = store
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
        return seen(found, step, path, position)

    async def load(self, head: HistoryHead) -> StoredHistory | None:
        """Return the history of this place."""
        key = self._leased.grant.key._replace(path=head.path, position=head.position)
        return await self._step.here(self._step.patiently(lambda: self._store.load_history(key)))
