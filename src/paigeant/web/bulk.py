"""Pages of bulk commands: a verb for selected runs, or for all runs that match a filter."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response
from uuid_utils.compat import uuid4

from paigeant.app.operating.bulk import Order, Verb, do_to_all, match
from paigeant.errors import InvalidInput
from paigeant.model.stored.run_filter import RunFilter, read_filter
from paigeant.web.access import Role
from paigeant.web.redaction import runs_seen_by
from paigeant.web.rendering import page
from paigeant.web.requests import app_of, by_workflow, form_body, own_runs, require, who
from paigeant.web.verbs import CHOICES

router: Final = APIRouter(include_in_schema=False)

_SELECTED: Final = "workflow_id"
"""Name of the checkboxes of the list of runs; the form has an empty one, so that none means none, and not all."""


@router.get("/bulk/{verb}")
@by_workflow
async def confirm(request: Request, verb: Verb) -> Response:
    """Show the number of affected runs, with examples, and ask for confirmation."""
    require(request, Role.OPERATOR)
    pairs = [(name, text) for name, text in request.query_params.multi_items() if name != "signal"]
    given = [(name, text) for name, text in pairs if text]
    selected = sum(name == _SELECTED for name, _ in given)
    if len(pairs) > len(given) and not selected and (_SELECTED, "") in pairs:
        raise InvalidInput("no run is selected: go back and tick at least one, or use the links for all that match")
    store, order = app_of(request).store, Order(verb=verb, where=own_runs(request, read_filter(given)))
    matched = await match(store, order)
    examples = await store.list_runs(RunFilter(workflow_id=matched.examples)) if matched.examples else None
    return page(
        request,
        "bulk.html",
        verb=str(verb),
        said=CHOICES[verb],
        matched=matched.matched,
        left_out=max(selected - matched.matched, 0),
        statuses=order.narrowed().status,
        runs=runs_seen_by(examples, who(request)).runs if examples else (),
        query=urlencode(given),
        signal=request.query_params.get("signal", ""),
        signal_id=uuid4().hex,
        result=None,
    )


@router.post("/bulk/{verb}")
@by_workflow
async def do(request: Request, verb: Verb) -> Response:
    """Apply the verb, and show the affected and the refused runs."""
    require(request, Role.OPERATOR)
    fields = await form_body(request)
    query, app = fields.pop("query", ""), app_of(request)
    carried = {name: text for name, text in fields.items() if text and verb is Verb.SIGNAL}
    order = Order.model_validate({**carried, "verb": verb, "where": own_runs(request, read_filter(parse_qsl(query)))})
    result = await do_to_all(app.store, app.run, order)
    return page(request, "bulk.html", verb=str(verb), query=query, result=result)
