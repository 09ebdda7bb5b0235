"""Recorded calls of a run, as API and as a page."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from paigeant.web.rendering import page
from paigeant.web.requests import by_workflow, find_run

api: Final = APIRouter(prefix="/api/v1/runs")
pages: Final = APIRouter(prefix="/runs", include_in_schema=False)


@api.get("/{workflow_id}/calls")
@by_workflow
async def list_calls(request: Request, workflow_id: str) -> dict[str, Any]:
    """Return the recorded calls of a run's steps, in order, with the cost of each, without their results."""
    return {"calls": await (await find_run(request, workflow_id)).calls()}


@pages.get("/{workflow_id}/calls")
@by_workflow
async def show(request: Request, workflow_id: str) -> Response:
    """Show the recorded calls of a run's steps."""
    run = await find_run(request, workflow_id)
    return page(request, "calls.html", workflow_id=run.workflow_id, calls=await run.calls())
