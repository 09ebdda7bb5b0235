"""What a person does to runs, and what is kept of them."""

# ruff: noqa: D102 -- what a method guarantees is said in the contract

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from paigeant.abc import Operator, Schema
from paigeant.aio.changes import News
from paigeant.model.runs import FINAL, CancelRequest, RunStatus
from paigeant.model.stored.forks import Fork
from paigeant.model.stored.signals import Receipt, SentSignal
from paigeant.protocol.operate import Restart
from paigeant.sql.contracts.base import InDatabase
from paigeant.sql.statements import (
    operate,
    prune,
    start,
)
from paigeant.sql.statements.signals import send


class SqlOperator(InDatabase, Operator):
    """The contract over a database."""

    def schema(self) -> Schema:
        return self.database

    async def request_cancel(self, workflow_id: UUID, cancel_request: CancelRequest) -> RunStatus:
        return await self.database.write(lambda tx: operate.request_cancel(tx, workflow_id, cancel_request))

    async def terminate(self, workflow_id: UUID) -> RunStatus:
        return await self.database.write(lambda tx: operate.terminate(tx, workflow_id))

    async def resume(self, workflow_id: UUID, *, accept_contract: bool = False, afresh: bool = False) -> RunStatus:
        restart = Restart(accept_contract, afresh)
        return await self.database.write(lambda tx: operate.resume(tx, workflow_id, restart))

    async def record_fork(self, fork: Fork) -> None:
        await self.database.write(lambda tx: start.record_fork(tx, fork))

    async def send_signals(self, signals: Sequence[SentSignal]) -> list[Receipt]:
        return await self.database.write(lambda tx: send(tx, signals))

    async def count_ended(self, older_than: timedelta, statuses: Collection[RunStatus] = FINAL) -> int:
        return await self.database.read(lambda tx: prune.count_ended(tx, older_than, statuses))

    async def prune(self, older_than: timedelta, statuses: Collection[RunStatus] = FINAL, limit: int = 100) -> int:
        return await self.database.write(lambda tx: prune.prune(tx, older_than, statuses, limit), News.NOTHING)
