"""Contract of the ledger: charges by run, and sums of costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from uuid import UUID

from paigeant.model.spending.costs import CostBy, Costs
from paigeant.model.stored.checkpoints import LedgerEntry


class Ledger(ABC):
    """Reads the charges of steps. They are written together with checkpoints."""

    @abstractmethod
    async def read_ledger(self, workflow_id: UUID) -> list[LedgerEntry]:
        """Return the charges of a run's steps, each once, in the order of recording.

        An unknown run has none; a deleted run keeps those it had.
        """

    @abstractmethod
    async def sum_costs(self, by: CostBy, *, workflow_id: UUID | None = None, since: timedelta | None = None) -> Costs:
        """Return the sums of costs: of one run or all, and of the last ``since``.

        Requests without a known price are counted as ``unpriced``, not as 0.
        """

    @abstractmethod
    async def prune_ledger(self, older_than: timedelta, limit: int = 1000) -> int:
        """Delete rows of the ledger that are older than this, ``limit`` at most; returns their number.

        Rows of runs that still exist stay: the records of these runs name them.
        """
