"""Operations of people on runs, and their deeds: contract methods over a database."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from paigeant.abc import Operator, Schema
from paigeant.aio.changes import News
from paigeant.model.custody.adoption import Adoption
from paigeant.model.people.deeds import Deed, StoredDeed
from paigeant.model.runs import FINAL, CancelRequest, RunStatus
from paigeant.model.stored.forks import Fork
from paigeant.model.stored.signals import Receipt, SentSignal
from paigeant.protocol.operate import Restart
from paigeant.sql.contracts.base import InDatabase
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.statements import (
    operate,
    prune,
)
from paigeant.sql.statements.commits.tree.adoption import adopt
from paigeant.sql.statements.commits.tree.fork import record_fork
from paigeant.sql.statements.custody.deeds import keep_deeds, load_deeds
from paigeant.sql.statements.signals import send

T = TypeVar("T")


class SqlOperator(InDatabase, Operator):
    """Contract methods over a database."""

    def schema(self) -> Schema:
        return self.database

    async def request_cancel(
        self, workflow_id: UUID, cancel_request: CancelRequest, *, deed: Deed | None = None
    ) -> RunStatus:
        return await self._operate(lambda tx: operate.request_cancel(tx, workflow_id, cancel_request), deed)

    async def terminate(self, workflow_id: UUID, *, deed: Deed | None = None) -> list[UUID]:
        return await self._operate(lambda tx: operate.terminate(tx, workflow_id), deed)

    async def resume(
        self, workflow_id: UUID, *, accept_contract: bool = False, afresh: bool = False, deed: Deed | None = None
    ) -> RunStatus:
        restart = Restart(accept_contract, afresh)
        return await self._operate(lambda tx: operate.resume(tx, workflow_id, restart), deed)

    async def _operate(self, verb: Callable[[Tx], T], deed: Deed | None) -> T:
        """Run the operation, and write its deed, in one transaction."""

        def work(tx: Tx) -> T:
            done = verb(tx)
            keep_deeds(tx.later(), deed)
            return done

        return await self.database.write(work)

    async def adopt(self, adoption: Adoption, *, deed: Deed | None = None) -> bool:
        return await self.database.write(lambda tx: adopt(tx, adoption, deed))

    async def record_deeds(self, deeds: Sequence[Deed]) -> None:
        await self.database.write(lambda tx: keep_deeds(tx, *deeds), News.NOTHING)

    async def load_deeds(self, workflow_id: UUID | None, *, limit: int = 1_000) -> list[StoredDeed]:
        return await self.database.read(lambda tx: load_deeds(tx, workflow_id, limit))

    async def record_fork(self, fork: Fork) -> None:
        await self.database.write(lambda tx: record_fork(tx, fork))

    async def send_signals(self, signals: Sequence[SentSignal]) -> list[Receipt]:
        return await self.database.write(lambda tx: send(tx, signals))

    async def count_ended(self, older_than: timedelta, statuses: Collection[RunStatus] = FINAL) -> int:
        return await self.database.read(lambda tx: prune.count_ended(tx, older_than, statuses))

    async def find_ended(
        self,
        older_than: timedelta,
        statuses: Collection[RunStatus] = FINAL,
        limit: int = 100,
        *,
        without: Collection[UUID] = (),
    ) -> list[UUID]:
        return await self.database.read(lambda tx: prune.find_ended(tx, older_than, statuses, limit, without))

    async def prune(
        self,
        older_than: timedelta,
        statuses: Collection[RunStatus] = FINAL,
        limit: int = 100,
        *,
        only: Collection[UUID] | None = None,
    ) -> int:
        return await self.database.write(lambda tx: prune.prune(tx, older_than, statuses, limit, only), News.NOTHING)
