"""Spending on models: the ``spending`` of a :class:`~paigeant.Paigeant`, over all applications that share its store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from paigeant.abc import Store
from paigeant.app.options import read_span
from paigeant.errors import InvalidInput
from paigeant.model.checks.options import spelled
from paigeant.model.spending.costs import CostBy, Costs
from paigeant.model.stored.reservations import BudgetView
from paigeant.model.values.durations import Duration
from paigeant.model.values.showing import did_you_mean, shown


@spelled(InvalidInput)
class Spending:
    """Reads the ledger. Every method may raise Unavailable."""

    def __init__(self, store: Callable[[], Store]) -> None:
        """Read the store that ``store`` returns; it raises ConfigError unless the application is open."""
        self._store = store

    async def costs(
        self, *, by: CostBy | str = CostBy.MODEL, workflow_id: UUID | None = None, since: Duration | None = None
    ) -> Costs:
        """Return sums of costs by ``model``, ``step``, ``agent``, ``tenant``, ``day`` or ``workflow``.

        They cover one run or all, and the time ``since`` ago until now. Raises InvalidInput for another ``by``.
        """
        if by not in set(CostBy):
            hint = did_you_mean(str(by), [str(known) for known in CostBy])
            raise InvalidInput(f"costs are not summed by {shown(by)}; {hint}")
        span = None if since is None else read_span("since", since, "costs")
        return await self._store().sum_costs(CostBy(by), workflow_id=workflow_id, since=span)

    async def budgets(self, *, limit: int = 1000) -> list[BudgetView]:
        """Return the budgets that have had a reservation, the last changed first."""
        return await self._store().list_budgets(limit=limit)

    async def prune(self, older_than: timedelta) -> int:
        """Delete ledger rows older than this; returns their number."""
        gone = total = await self._store().prune_ledger(older_than)
        while gone:
            gone = await self._store().prune_ledger(older_than)
            total += gone
        return total
