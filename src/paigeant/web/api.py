"""The HTTP API, under ``/api/v1``: runs, and what can be done to them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, JsonValue
from starlette.responses import JSONResponse, Response

from paigeant.app.custody import Custody, export_run
from paigeant.app.operating.bulk import MOST, BulkResult, Matched, Order, do_to_all, match
from paigeant.app.operating.why import Explanation, explain_run
from paigeant.app.views.pictures import draw_run
from paigeant.errors import InvalidInput
from paigeant.model.entries.picture import mermaid
from paigeant.model.people.deeds import DeedView
from paigeant.model.runs import RunPage, RunStatus, RunView
from paigeant.model.spending.budgets import Budget, read_budget
from paigeant.model.stored.run_filter import RunFilter, read_filter
from paigeant.web.access import Role
from paigeant.web.charts.graph import graph_of
from paigeant.web.redaction import deeds_seen_by, runs_seen_by, seen_by
from paigeant.web.rendering import drawing
from paigeant.web.requests import (
    Forbidden,
    app_of,
    by_workflow,
    find_run,
    json_body,
    own_runs,
    own_workflows,
    require,
    require_unchanged,
    version_of,
    who,
)

router: Final = APIRouter(prefix="/api/v1")

IfMatch = Annotated[str | None, Header(alias="If-Match", description="The run's version: 412 if it has changed.")]
Limit = Annotated[int, Query(ge=1, le=1000)]
_PAGING: Final = frozenset({"limit", "after"})


class Status(BaseModel, frozen=True):
    """Status of a run."""

    workflow_id: str
    status: RunStatus


class Counted(BaseModel, frozen=True):
    """Number of matching runs; 10001 means more than 10,000."""

    count: int


class Bulk(Order, frozen=True, extra="forbid"):
    """One verb for many runs."""

    where: RunFilter  # pyright: ignore[reportGeneralTypeIssues]
    limit: int = MOST
    dry_run: bool = False


def asked_runs(request: Request) -> RunFilter:
    """Return the filter in the query string, limited to the caller's workflows; raises InvalidInput and Forbidden."""
    given = ((name, text) for name, text in request.query_params.multi_items() if name not in _PAGING and text)
    return own_runs(request, read_filter(given))


@router.get("/runs")
@by_workflow
async def list_runs(request: Request, limit: Limit = 50, after: str | None = None) -> RunPage:
    """Return a page of runs that match the query: status, reason, workflow, step, error."""
    page = await app_of(request).store.list_runs(asked_runs(request), limit=limit, after=after)
    return runs_seen_by(page, who(request))


@router.get("/runs/count")
@by_workflow
async def count_runs(request: Request) -> Counted:
    """Return the number of matching runs."""
    return Counted(count=await app_of(request).store.count_runs(asked_runs(request)))


@router.post("/runs", status_code=201)
@by_workflow
async def dispatch(
    request: Request,
    idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key")] = None,
    correlation_id: Annotated[str | None, Header(alias="X-Correlation-ID")] = None,
) -> Response:
    """Start a run: ``{workflow, input, deadline, tenant, budget, obo_token}``. A known key answers 200 with its run.

    The budget is in US dollars, ``{usd, tokens, per, on_exceed}``, or a list of these. With a person's access token the
    run acts on their behalf.
    """
    require(request, Role.OPERATOR)
    body = await json_body(request, "workflow", "input", "deadline", "tenant", "budget", "obo_token")
    if not isinstance(body.get("workflow"), str):
        raise InvalidInput("workflow is missing: the name of the workflow")
    own_workflows(request, [body["workflow"]])
    app = app_of(request)
    before = await _known(request, body["workflow"], idempotency_key)
    run = await app.dispatch(
        body["workflow"],
        body.get("input", {}),
        dispatch_key=idempotency_key,
        correlation_id=correlation_id,
        deadline=body.get("deadline"),
        tenant=body.get("tenant"),
        budget=_budgets(body.get("budget")),
        obo_token=body.get("obo_token"),
    )
    said = {"workflow_id": str(run.workflow_id), "status": str(await run.status())}
    return JSONResponse(said, 200 if before else 201, {"Location": f"/api/v1/runs/{run.workflow_id}"})


def _budgets(said: Any) -> list[Budget]:
    try:
        several = cast("list[Any]", said) if isinstance(said, list) else [] if said is None else [said]
        return [read_budget(each) for each in several]
    except ValueError as error:
        raise InvalidInput(f"budget: {error}") from error


async def _known(request: Request, workflow: str, key: str | None) -> bool:
    if key is None:
        return False
    return await app_of(request).store.count_runs(RunFilter(workflow=(workflow,), dispatch_key=key)) > 0


@router.get("/runs/{workflow_id}")
@by_workflow
async def show_run(request: Request, response: Response, workflow_id: str) -> RunView:
    """Return everything about a run; its version is the ETag."""
    view = await (await find_run(request, workflow_id)).view()
    response.headers["ETag"] = f'"{version_of(view)}"'
    return seen_by(view, who(request))


@router.get("/runs/{workflow_id}/steps")
@by_workflow
async def list_steps(
    request: Request, workflow_id: str, status: str | None = None, after: int = 0, limit: Limit = 200
) -> dict[str, Any]:
    """Return steps of a run, 200 at a time; ``after`` is the number of steps already received."""
    view = seen_by(await (await find_run(request, workflow_id)).view(), who(request))
    steps = [step for step in view.steps if status is None or step.status == status]
    following = after + limit if len(steps) > after + limit else None
    return {"steps": [step.model_dump(mode="json") for step in steps[after : after + limit]], "next": following}


@router.get("/runs/{workflow_id}/values")
@by_workflow
async def list_values(request: Request, workflow_id: str) -> dict[str, JsonValue]:
    """Return the input, the output and the variables of a run."""
    view = seen_by(await (await find_run(request, workflow_id)).view(), who(request))
    return {"input": view.input, "output": view.output, "variables": view.variables}


@router.get("/runs/{workflow_id}/deeds")
@by_workflow
async def list_run_deeds(request: Request, workflow_id: str) -> dict[str, list[DeedView]]:
    """Return the deeds of people to the run, in order."""
    return {"deeds": deeds_seen_by(await (await find_run(request, workflow_id)).deeds(), who(request))}


@router.get("/runs/{workflow_id}/why")
@by_workflow
async def why(request: Request, workflow_id: str) -> Explanation:
    """Explain the run's state, from the data that the caller may see."""
    view = seen_by(await (await find_run(request, workflow_id)).view(), who(request))
    return await explain_run(app_of(request).store, view)


@router.post("/runs/{workflow_id}/cancel")
@by_workflow
async def cancel(request: Request, workflow_id: str, if_match: IfMatch = None) -> Status:
    """Request that a run ends: ``{compensate: false}``."""
    require(request, Role.OPERATOR)
    run, body = await find_run(request, workflow_id), await json_body(request, "compensate")
    require_unchanged(await run.view(), if_match)
    return Status(workflow_id=str(run.workflow_id), status=await run.cancel(compensate=bool(body.get("compensate"))))


@router.post("/runs/{workflow_id}/terminate")
@by_workflow
async def terminate(request: Request, workflow_id: str, if_match: IfMatch = None) -> Status:
    """End a run now, without undoing anything."""
    require(request, Role.OPERATOR)
    run = await find_run(request, workflow_id)
    await json_body(request)
    require_unchanged(await run.view(), if_match)
    return Status(workflow_id=str(run.workflow_id), status=await run.terminate())


@router.post("/runs/{workflow_id}/retry")
@by_workflow
async def retry(request: Request, workflow_id: str, if_match: IfMatch = None) -> Status:
    """Run again from where a run failed or waits: ``{accept_contract: false, afresh: false}``."""
    require(request, Role.OPERATOR)
    run, body = await find_run(request, workflow_id), await json_body(request, "accept_contract", "afresh")
    require_unchanged(await run.view(), if_match)
    options = {name: bool(value) for name, value in body.items()}
    return Status(workflow_id=str(run.workflow_id), status=await run.retry(**options))


@router.get("/runs/{workflow_id}/graph", response_model=dict[str, str])
@by_workflow
async def graph(request: Request, workflow_id: str) -> dict[str, str] | Response:
    """Return a flowchart of a run: for Mermaid, or as an image if the request accepts image/svg+xml."""
    view = seen_by(await (await find_run(request, workflow_id)).view(), who(request))
    if "image/svg+xml" not in request.headers.get("accept", ""):
        return {"mermaid": mermaid(draw_run(view))}
    if (drawn := graph_of(draw_run(view))) is None:
        raise InvalidInput("the run has too many steps to be drawn; ask for Mermaid: Accept: application/json")
    return drawing(drawn, view.workflow, f"{request.scope.get('root_path', '')}/runs/{view.workflow_id}#at-")


@router.get("/runs/{workflow_id}/custody")
@by_workflow
async def custody(request: Request, workflow_id: str) -> dict[str, Any]:
    """Verify the signatures of a run: ``intact``, ``broken`` with the first broken link, or ``unsigned``."""
    if not who(request).payloads:
        raise Forbidden("this needs the right to see payloads")
    run = await find_run(request, workflow_id)
    audit = await Custody(app_of(request)).verify(run.workflow_id)
    return {**asdict(audit), "workflow_id": str(audit.workflow_id)}


@router.post("/runs/{workflow_id}/custody/export", response_class=Response)
@by_workflow
async def export(request: Request, workflow_id: str) -> Response:
    """Return all data that an audit of a run needs as one signed document, as a file: ``{values: true}``."""
    require(request, Role.OPERATOR)
    if not who(request).payloads:
        raise Forbidden("this needs the right to see payloads")
    body = await json_body(request, "values")
    run, app = await find_run(request, workflow_id), app_of(request)
    made = await export_run(app.runtime, Custody(app), run.workflow_id, values=body.get("values") is not False)
    headers = {"Content-Disposition": f'attachment; filename="{run.workflow_id}.json"', "Cache-Control": "no-store"}
    return Response(made, headers=headers, media_type="application/json")


@router.post("/runs/{workflow_id}/fork", status_code=201)
@by_workflow
async def fork(request: Request, workflow_id: str, if_match: IfMatch = None) -> Response:
    """Start a run that inherits this run's history before a step: ``{from, outputs: {…}, keep_checkpoints: false}``."""
    require(request, Role.OPERATOR)
    body = await json_body(request, "from", "outputs", "keep_checkpoints")
    place: Any = body.get("from")
    outputs: Any = body.get("outputs") or {}
    if not isinstance(place, str | int | None) or isinstance(place, bool) or not isinstance(outputs, dict):
        raise InvalidInput("the body should be {from: a step or a position, outputs: {step: value}}")
    values, keeps = cast("dict[str | int, Any]", outputs), bool(body.get("keep_checkpoints"))
    run = await find_run(request, workflow_id)
    if if_match is not None:
        require_unchanged(await run.view(), if_match)
    made = await run.fork(place, values, keep_checkpoints=keeps)
    said = {"workflow_id": str(made.workflow_id), "status": str(await made.status())}
    return JSONResponse(said, 201, {"Location": f"/api/v1/runs/{made.workflow_id}"})


@router.post("/runs/{workflow_id}/signal")
@by_workflow
async def signal(request: Request, workflow_id: str) -> dict[str, str]:
    """Send a signal to a run: ``{name, payload, id}``."""
    require(request, Role.OPERATOR)
    body = await json_body(request, "name", "payload", "id")
    if not isinstance(body.get("name"), str):
        raise InvalidInput("name is missing: the name of the signal")
    run = await find_run(request, workflow_id)
    receipt = await run.signal(body["name"], body.get("payload"), signal_id=body.get("id"))
    return {"workflow_id": str(run.workflow_id), "receipt": str(receipt)}


@router.post("/bulk")
@by_workflow
async def bulk(request: Request) -> Matched | BulkResult:
    """Apply one verb to all matching runs: ``{verb, where, limit, dry_run}``, for a signal also ``name, payload``."""
    require(request, Role.OPERATOR)
    try:
        asked = Bulk.model_validate(await json_body(request, *Bulk.model_fields))
    except ValueError as error:
        raise InvalidInput(f"the body should be {{verb, where, limit, dry_run, name, payload}}: {error}") from None
    app, order = app_of(request), asked.model_copy(update={"where": own_runs(request, asked.where)})
    if asked.dry_run:
        return await match(app.store, order)
    return await do_to_all(app.store, app.run, order, min(asked.limit, MOST))
