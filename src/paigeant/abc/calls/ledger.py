"""The contract of the ledger: what was spent, read by run and in sums."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from uuid import UUID

from paigeant.model.spending.costs import CostBy, Costs
from paigeant.model.stored.checkpoints import LedgerEntry


class Ledger(ABC):
    """Reads what steps were charged. It is written with checkpoints."""

    @abstractmethod
    async def read_ledger(self, workflow_id: UUID) -> list[LedgerEntry]:
        """Return what the run's steps were charged, each charge once, in the order of their recording.

        Of an unknown run there is nothing; of one that was pruned there is what there was.
        """

    @abstractmethod
    async def sum_costs(self, by: CostBy, *, workflow_id: UUID | None = None, since: timedelta | None = None) -> Costs:
        """Return what was spent, in sums: by one run or all, and since so long ago.

        Requests without a price are counted as ``unpriced``, and not as 0.
        """

    @abstractmethod
    async def prune_ledger(self, older_than: timedelta, limit: int = 1000) -> int:
        """Delete rows of the ledger that are older than this, at most ``limit`` of them; returns how many."""
