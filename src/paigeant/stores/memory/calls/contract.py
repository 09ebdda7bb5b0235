"""Calls within steps: contract methods over rows in memory."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from paigeant.abc import Approvals, Budgets, CheckpointStore, Histories, Ledger, Pauses
from paigeant.model.calls.histories import HistoryHead, StoredHistory
from paigeant.model.calls.recorded import CallRow
from paigeant.model.hops import LeaseToken
from paigeant.model.message import HopKey
from paigeant.model.people.approvals import Answer, Answered, Approval, ApprovalPage
from paigeant.model.spending.costs import CostBy, Costs
from paigeant.model.stored.checkpoints import Checkpoint, LedgerEntry, Recorded, Recording, StepEpoch
from paigeant.model.stored.reservations import BudgetView, Reservation, Reserved
from paigeant.stores.memory.calls import approvals, budgets, checkpoints, histories, ledger, pauses
from paigeant.stores.memory.rows import Rows


class MemoryCalls(CheckpointStore, Ledger, Approvals, Pauses, Budgets, Histories):
    """The contract over rows in memory."""

    _rows: Rows

    async def record_checkpoints(self, recordings: Sequence[Recording]) -> list[Recorded]:
        return checkpoints.record(self._rows, recordings)

    async def load_checkpoints(self, step: StepEpoch) -> dict[str, Checkpoint]:
        return checkpoints.load_checkpoints(self._rows, step)

    async def list_calls(self, workflow_id: UUID) -> list[CallRow]:
        return checkpoints.list_calls(self._rows, workflow_id)

    async def start_afresh(self, held: LeaseToken) -> int | None:
        return checkpoints.start_afresh(self._rows, held)

    async def read_ledger(self, workflow_id: UUID) -> list[LedgerEntry]:
        return ledger.read_ledger(self._rows, workflow_id)

    async def sum_costs(self, by: CostBy, *, workflow_id: UUID | None = None, since: timedelta | None = None) -> Costs:
        return ledger.sum_costs(self._rows, by, workflow_id, since)

    async def prune_ledger(self, older_than: timedelta, limit: int = 1000) -> int:
        return ledger.prune_ledger(self._rows, older_than, limit)

    async def list_approvals(
        self, *, workflows: Sequence[str] = (), everything: bool = False, limit: int = 50, after: str | None = None
    ) -> ApprovalPage:
        return approvals.list_approvals(self._rows, workflows, everything, limit, after)

    async def get_approval(self, approval_id: int) -> Approval:
        return approvals.get_approval(self._rows, approval_id)

    async def answer_approval(self, approval_id: int, answer: Answer) -> Approval:
        return approvals.answer_approval(self._rows, approval_id, answer)

    async def load_answers(self, step: StepEpoch) -> Mapping[str, Answered]:
        return approvals.load_answers(self._rows, step)

    async def pause_model(self, model: str, seconds: float | None = None) -> float:
        return pauses.pause_model(self._rows, model, seconds)

    async def load_pauses(self) -> Mapping[str, float]:
        return pauses.load_pauses(self._rows)

    async def reserve(self, asked: Sequence[Reservation]) -> list[Reserved]:
        return budgets.reserve(self._rows, asked)

    async def release_reservation(self, held: LeaseToken, key: str) -> None:
        budgets.release(self._rows, held, key)

    async def list_budgets(self, *, limit: int = 1000) -> list[BudgetView]:
        return budgets.list_budgets(self._rows, limit)

    async def list_histories(self, workflow_id: UUID) -> list[HistoryHead]:
        return histories.list_histories(self._rows, workflow_id)

    async def load_history(self, key: HopKey) -> StoredHistory | None:
        return histories.load_history(self._rows, key)
