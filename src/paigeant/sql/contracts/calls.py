"""Calls within steps: contract methods over a database."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from paigeant.abc import Approvals, Budgets, CheckpointStore, Histories, Ledger, Pauses
from paigeant.aio.changes import News
from paigeant.model.calls.histories import HistoryHead, StoredHistory
from paigeant.model.calls.recorded import CallRow
from paigeant.model.hops import LeaseToken
from paigeant.model.message import HopKey
from paigeant.model.people.approvals import Answer, Answered, Approval, ApprovalPage
from paigeant.model.spending.costs import CostBy, Costs
from paigeant.model.stored.checkpoints import Checkpoint, LedgerEntry, Recorded, Recording, StepEpoch
from paigeant.model.stored.reservations import BudgetView, Reservation, Reserved
from paigeant.sql.contracts.base import InDatabase
from paigeant.sql.statements.calls import approvals, budgets, checkpoints, ledger, pauses
from paigeant.sql.statements.commits import histories


class SqlCalls(InDatabase, CheckpointStore, Ledger, Approvals, Pauses, Budgets, Histories):
    """Contract methods over a database."""

    async def record_checkpoints(self, recordings: Sequence[Recording]) -> list[Recorded]:
        if not recordings:
            return []
        return await self.database.write(lambda tx: checkpoints.record(tx, recordings), News.CHANGE)

    async def load_checkpoints(self, step: StepEpoch) -> dict[str, Checkpoint]:
        return await self.database.read(lambda tx: checkpoints.load_checkpoints(tx, step), single=True)

    async def list_calls(self, workflow_id: UUID) -> list[CallRow]:
        return await self.database.read(lambda tx: checkpoints.list_calls(tx, workflow_id))

    async def start_afresh(self, held: LeaseToken) -> int | None:
        return await self.database.write(lambda tx: checkpoints.start_afresh(tx, held), News.CHANGE)

    async def read_ledger(self, workflow_id: UUID) -> list[LedgerEntry]:
        return await self.database.read(lambda tx: ledger.read_ledger(tx, workflow_id))

    async def sum_costs(self, by: CostBy, *, workflow_id: UUID | None = None, since: timedelta | None = None) -> Costs:
        return await self.database.read(lambda tx: ledger.sum_costs(tx, by, workflow_id, since))

    async def prune_ledger(self, older_than: timedelta, limit: int = 1000) -> int:
        return await self.database.write(lambda tx: ledger.prune_ledger(tx, older_than, limit), News.NOTHING)

    async def list_approvals(
        self, *, workflows: Sequence[str] = (), everything: bool = False, limit: int = 50, after: str | None = None
    ) -> ApprovalPage:
        return await self.database.read(lambda tx: approvals.list_approvals(tx, workflows, everything, limit, after))

    async def get_approval(self, approval_id: int) -> Approval:
        return await self.database.read(lambda tx: approvals.get_approval(tx, approval_id))

    async def answer_approval(self, approval_id: int, answer: Answer) -> Approval:
        return await self.database.write(lambda tx: approvals.answer_approval(tx, approval_id, answer))

    async def load_answers(self, step: StepEpoch) -> Mapping[str, Answered]:
        return await self.database.read(lambda tx: approvals.load_answers(tx, step))

    async def pause_model(self, model: str, seconds: float | None = None) -> float:
        return await self.database.write(lambda tx: pauses.pause_model(tx, model, seconds), News.NOTHING)

    async def load_pauses(self) -> Mapping[str, float]:
        return await self.database.read(pauses.load_pauses, single=True)

    async def reserve(self, asked: Sequence[Reservation]) -> list[Reserved]:
        if not asked:
            return []
        return await self.database.write(lambda tx: budgets.reserve(tx, asked), News.NOTHING)

    async def release_reservation(self, held: LeaseToken, key: str) -> None:
        await self.database.write(lambda tx: budgets.release(tx, held, key), News.NOTHING)

    async def list_budgets(self, *, limit: int = 1000) -> list[BudgetView]:
        return await self.database.read(lambda tx: budgets.list_budgets(tx, limit))

    async def list_histories(self, workflow_id: UUID) -> list[HistoryHead]:
        return await self.database.read(lambda tx: histories.list_histories(tx, workflow_id))

    async def load_history(self, key: HopKey) -> StoredHistory | None:
        return await self.database.read(lambda tx: histories.load_history(tx, key))
