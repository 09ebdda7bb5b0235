"""Publications and workers: contract methods over a database."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from paigeant.abc import Directory
from paigeant.aio.changes import News
from paigeant.model.people.deeds import Deed
from paigeant.model.plan import ActivityCard, Plan, WorkerCard
from paigeant.sql.contracts.base import InDatabase
from paigeant.sql.execution.next_due import NextDueCache
from paigeant.sql.statements import catalog, operate


class SqlDirectory(InDatabase, Directory):
    """Contract methods over a database."""

    def __init__(self) -> None:
        """Start with an empty cache of unserved topics."""
        self._unserved = NextDueCache()

    async def publish_catalog(self, plans: Sequence[Plan], cards: Sequence[ActivityCard]) -> None:
        await self.database.write(lambda tx: catalog.publish_catalog(tx, plans, cards), News.NOTHING)

    async def find_plans(self, workflows: Collection[str]) -> dict[str, Plan]:
        return await self.database.read(lambda tx: catalog.find_plans(tx, workflows))

    async def list_plans(self) -> list[str]:
        return await self.database.read(catalog.list_plans)

    async def find_cards(self, activities: Collection[str]) -> dict[str, ActivityCard]:
        return await self.database.read(lambda tx: catalog.find_cards(tx, activities))

    async def report_worker(self, card: WorkerCard, *, gone: bool = False) -> bool:
        # The departure of a worker is announced: others may have to mark its topics as unserved.
        return await self.database.write(
            lambda tx: catalog.report_worker(tx, card, gone=gone), News.WORK if gone else News.NOTHING
        )

    async def drain_worker(self, worker: str, *, deed: Deed | None = None) -> None:
        # News of work, although there is none: all workers check, and the draining one learns of it at once.
        await self.database.write(lambda tx: catalog.drain_worker(tx, worker, self.database.gone(), deed), News.WORK)

    async def is_draining(self, worker: str) -> bool:
        return await self.database.read(lambda tx: catalog.is_draining(tx, worker))

    async def find_served(self, activities: Collection[str]) -> set[str]:
        return await self.database.read(lambda tx: catalog.served(tx, self.database.gone()) & set(activities))

    async def list_workers(self) -> list[WorkerCard]:
        return await self.database.read(lambda tx: catalog.list_workers(tx, self.database.gone()))

    async def find_unserved(self) -> set[str]:
        return set(await self.database.read(lambda tx: operate.unserved(tx, self.database.gone())))

    async def hold_unserved(self, after: timedelta) -> int:
        topics: list[str] = []

        async def ask() -> float | None:
            topics.extend(await self.find_unserved())
            return 0.0 if topics else None

        await self._unserved.ends(self.database.changes, ask)
        if not topics:
            return 0
        gone = self.database.gone()
        return await self.database.write(lambda tx: operate.hold_unserved(tx, topics, gone, after))
