"""Backend under test: opening a store, and ending leases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, TypeAlias

import pytest

from paigeant.abc import Store
from paigeant.model.hops import Commit, Grant, RunStart, Verdict
from paigeant.model.stored.claims import Announced, Due
from paigeant.testing.builders import OTHER, WORKER, new_run, notice
from paigeant.testing.waiting import eventually

Connect: TypeAlias = Callable[[str], Store]
"""Factory of unopened store objects for a namespace, all over the same database."""

TOPICS = ("draft", "review", "print")

NO_PLACES = (
    "so to speak",
    "",
    " 1",
    "1\n",
    "-1",
    "1_0",
    "٣",
    "\ud800",
    pytest.param("1" * 5_000, id="endless"),
    str(2**63),
)
"""Page tokens that no page has returned."""


class StoreBackend(ABC):
    """Factory to override, fixtures made of it, and helpers for the tests."""

    lease: ClassVar[timedelta] = timedelta(seconds=0.3)
    """Short lease."""

    long: ClassVar[timedelta] = timedelta(minutes=5)
    """Lease that outlasts every test."""

    @abstractmethod
    def backend(self, folder: Path) -> AbstractAsyncContextManager[Connect]:
        """Set up an empty database of its own for this folder, which is empty too, and clean up after."""

    async def let_leases_end(self) -> None:  # noqa: B027  (real time passes by itself)
        """Let :attr:`lease` pass in the store's time. Need not block: the tests poll until it has passed."""

    @pytest.fixture
    async def connect(self, tmp_path: Path) -> AsyncIterator[Connect]:
        """Return the factory of further stores over the test's database."""
        async with self.backend(tmp_path) as connect:
            yield connect

    @pytest.fixture
    async def store(self, connect: Connect) -> AsyncIterator[Store]:
        """Return the open store of the test."""
        async with connect("default") as store:
            yield store

    async def begin(self, store: Store, *steps: str, lease: timedelta | None = None) -> Grant:
        """Start a run of these steps and lease its first one."""
        return await self.begin_run(store, new_run(*steps), lease=lease)

    async def begin_run(self, store: Store, start: RunStart, lease: timedelta | None = None) -> Grant:
        """Start this run and lease its first step."""
        await store.record_workflow_start([start])
        [grant] = await store.claim(WORKER, Announced([notice(start)]), 10, lease or self.long)
        return grant

    async def take(self, store: Store, owner: str = WORKER, limit: int = 10) -> list[Grant]:
        """Lease due hops, for long."""
        return await store.claim(owner, Due(TOPICS), limit, self.long)

    async def take_over(self, store: Store) -> list[Grant]:
        """Let leases expire, and lease the hops that are then due as another worker."""
        await self.let_leases_end()
        return await eventually(lambda: self.take(store, OTHER))

    async def settle(self, store: Store, *commits: Commit) -> list[Verdict]:
        """Commit, and return the verdicts."""
        return [settled.verdict for settled in await store.record_step_result(commits, self.long)]
