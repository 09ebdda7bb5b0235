"""Run reader: contract methods over a database."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from paigeant.abc import RunReader
from paigeant.model.message import HopKey
from paigeant.model.runs import PAGE, RunPage, RunStatus, RunSummary, RunView
from paigeant.model.stored.overview import EndCount, OpenCount, QueueView
from paigeant.model.stored.run_filter import ALL_RUNS, RunFilter
from paigeant.sql.contracts.base import InDatabase
from paigeant.sql.statements import read
from paigeant.sql.statements.overview import ends, queues, search


class SqlRunReader(InDatabase, RunReader):
    """Contract methods over a database."""

    async def get_run(self, workflow_id: UUID) -> RunView:
        return await self.database.read(lambda tx: read.get_run(tx, workflow_id))

    async def get_status(self, workflow_id: UUID) -> RunStatus:
        return await self.database.read(lambda tx: read.get_status(tx, workflow_id), single=True)

    async def find_open(self, workflow_ids: Collection[UUID]) -> set[UUID]:
        return await self.database.read(lambda tx: read.find_open(tx, workflow_ids), single=True)

    async def list_runs(self, asked: RunFilter = ALL_RUNS, *, limit: int = PAGE, after: str | None = None) -> RunPage:
        return await self.database.read(lambda tx: search.list_runs(tx, asked, limit, after))

    async def count_runs(self, asked: RunFilter) -> int:
        return await self.database.read(lambda tx: search.count_runs(tx, asked))

    async def find_runs(self, first: UUID, last: UUID, *, limit: int = 10) -> list[RunSummary]:
        return await self.database.read(lambda tx: read.find_runs(tx, first, last, limit))

    async def get_message(self, key: HopKey) -> bytes | None:
        return await self.database.read(lambda tx: read.get_message(tx, key))

    async def list_queues(self) -> list[QueueView]:
        return await self.database.read(lambda tx: queues.list_queues(tx, self.database.gone()))

    async def count_open(self) -> list[OpenCount]:
        return await self.database.read(queues.count_open)

    async def count_ends(self, within: timedelta) -> list[EndCount]:
        return await self.database.read(lambda tx: ends.count_ends(tx, within))

    async def wait_for_change(self, seen: int, timeout: float) -> int:
        return await self.database.changes.wait(seen, timeout)
