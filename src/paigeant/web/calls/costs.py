"""Costs of models over all runs, as API and as a page."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from paigeant.errors import InvalidInput
from paigeant.model.spending.costs import CostBy, Costs, Usage
from paigeant.web.rendering import page
from paigeant.web.requests import app_of

api: Final = APIRouter(prefix="/api/v1/cost")
pages: Final = APIRouter(prefix="/cost", include_in_schema=False)

_BUDGETS: Final = 50
"""Number of budgets on the page."""

SPANS: Final = ("1h", "1d", "7d", "30d")
"""Periods that the page offers."""


@api.get("")
async def sum_costs(request: Request, by: str = "model", since: str | None = None) -> Costs:
    """Return costs by ``model``, ``step``, ``agent``, ``tenant``, ``day`` or ``workflow``, of the last ``since``."""
    return await app_of(request).spending.costs(by=by, since=since or None)


@api.get("/budgets")
async def list_budgets(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
    """Return budgets that have had a reservation, with spent and reserved amounts, the newest first."""
    return {"budgets": await app_of(request).spending.budgets(limit=limit)}


@pages.get("")
async def show(request: Request, by: str = "model", since: str | None = None) -> Response:
    """Show costs."""
    wrong, costs = "", Costs(rows=(), total=Usage())
    try:
        costs = await sum_costs(request, by, since)
    except InvalidInput as error:
        wrong = str(error)
    kinds = [str(each) for each in CostBy]
    budgets = await app_of(request).spending.budgets(limit=_BUDGETS)
    return page(
        request,
        "cost.html",
        budgets=budgets,
        costs=costs,
        by=by,
        since=since or "",
        kinds=kinds,
        spans=SPANS,
        wrong=wrong,
    )
