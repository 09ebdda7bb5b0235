"""Read-only pages: attention, runs, one run, queues, workers, dead letters, workflows."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from paigeant.app import Run
from paigeant.app.calls.conversations import place
from paigeant.app.custody import Custody
from paigeant.app.handlers.publications import listing_of
from paigeant.app.operating.attention import FAILED_WITHIN, find_attention
from paigeant.app.operating.bulk import Verb
from paigeant.app.operating.why import explain_run
from paigeant.app.views.pictures import draw_run
from paigeant.errors import InvalidInput, PaigeantError, UnknownVariable
from paigeant.model.runs import RESUMABLE, RunStatus, RunView
from paigeant.model.stored.log_lines import LogFilter, LogLine
from paigeant.model.stored.overview import COUNTED, AttentionGroup
from paigeant.model.stored.run_filter import RunFilter, read_filter
from paigeant.model.values.durations import spelled
from paigeant.model.values.json_text import to_json
from paigeant.web.access import Role
from paigeant.web.charts.graph import graph_of
from paigeant.web.charts.throughput import SPAN, throughput_of
from paigeant.web.charts.timeline import timeline_of
from paigeant.web.redaction import (
    counts_seen_by,
    deeds_seen_by,
    groups_seen_by,
    lines_seen_by,
    runs_seen_by,
    seen_by,
)
from paigeant.web.rendering import page
from paigeant.web.requests import (
    Forbidden,
    app_of,
    by_workflow,
    find_run,
    log_of,
    newest_deeds,
    own_runs,
    own_workflows,
    version_of,
    who,
    workflows_seen,
)

router: Final = APIRouter(include_in_schema=False)

FIELDS: Final = ("status", "reason", "workflow", "step", "error", "tenant", "correlation_id")
"""Fields of the form above the list of runs."""

_PAGE: Final = 50
_OF_PAGE: Final = frozenset({"after", "select"})


@router.get("/")
@by_workflow
async def attention(request: Request) -> Response:
    """Show the problems that need a person."""
    store, mine = app_of(request).store, who(request).workflows
    groups, counts = await find_attention(store, mine), [] if mine else await store.count_open()
    shown = groups_seen_by(groups, who(request))
    links = [link_of(group) if same == group else "" for group, same in zip(groups, shown, strict=True)]
    counts = counts_seen_by(counts, who(request))
    chart = None if mine else throughput_of(await store.count_ends(SPAN))
    return page(request, "attention.html", groups=shown, counts=counts, links=links, chart=chart)


def link_of(group: AttentionGroup) -> str:
    """Return the address of exactly the runs of a group; empty for a group of other things."""
    if group.example is None:
        return ""
    asked = {"status": "waiting", "reason": group.cause, "step": group.step}
    if group.cause in set(RunStatus):
        asked = {
            "status": group.cause,
            "step": group.step,
            "error": group.error,
            "ended_within": spelled(FAILED_WITHIN),
        }
    return urlencode({name: value for name, value in asked.items() if value})


@router.get("/runs")
@by_workflow
async def runs(request: Request, after: str | None = None, select: str = "") -> Response:
    """Show the runs that match the query; ``select=page`` ticks those of the page."""
    given = [(name, text) for name, text in request.query_params.multi_items() if text and name not in _OF_PAGE]
    wrong, asked = "", RunFilter()
    try:
        asked = read_filter(given)
    except InvalidInput as error:
        wrong = str(error)
    asked = own_runs(request, asked)
    store = app_of(request).store
    found = runs_seen_by(await store.list_runs(asked, limit=_PAGE, after=after), who(request))
    count = await store.count_runs(asked)
    return page(
        request,
        "runs.html",
        runs=found.runs,
        next=found.next and urlencode([*given, ("after", found.next)]),
        count=f"{COUNTED - 1:,}+" if count >= COUNTED else f"{count:,}",
        fields={name: dict(given).get(name, "") for name in FIELDS},
        query=urlencode(given),
        here=urlencode([*given, *([("after", after)] if after else [])]),
        selected=select == "page",
        verbs=[str(verb) for verb in Verb],
        saved=_saved_filters(request),
        statuses=[str(status) for status in RunStatus],
        wrong=wrong,
    )


def _saved_filters(request: Request) -> dict[str, str]:
    """Return the saved filters; none for a caller who may see some workflows only, as they may name others."""
    if who(request).workflows:
        return {}
    return {name: said.removeprefix("?") for name, said in app_of(request).settings.filters.items()}


@router.get("/runs/{workflow_id}")
@by_workflow
async def run(request: Request, workflow_id: str, only: str = "") -> Response:
    """Show one run: an explanation of its state, the timeline of its steps, values, deeds and log lines."""
    handle = await find_run(request, workflow_id)
    view = await handle.view()
    shown = seen_by(view, who(request))
    explained = await explain_run(app_of(request).store, shown)
    return page(
        request,
        "run.html",
        run=shown,
        because=explained.because,
        version=version_of(view),
        timeline=timeline_of(shown, failed=only == "failed"),
        graph=graph_of(draw_run(shown)),
        only=only,
        deeds=deeds_seen_by(await handle.deeds(), who(request)),
        trace=_trace_link(request, view.trace_id),
        asked=shown.approvals,
        verbs=_verbs(view),
        lines=await _lines(request, view),
        histories=await _histories(request, handle, view),
    )


def _trace_link(request: Request, trace_id: str) -> str | None:
    """Return the address of a trace at whatever shows traces, None if the settings name none."""
    address = app_of(request).settings.trace_url
    return address and address.replace("{trace_id}", trace_id)


async def _histories(request: Request, run: Run[Any], view: RunView) -> list[str]:
    """Return the places of steps with a history: agents, whose calls are recorded."""
    recorded = any(step.checkpoints for step in view.steps)
    return [place(each) for each in await run.conversations()] if recorded and who(request).payloads else []


def _verbs(view: RunView) -> list[str]:
    possible = {
        "retry": view.status in RESUMABLE,
        "cancel": not view.status.final,
        "terminate": not view.status.final,
        "fork": True,
    }
    return [verb for verb, may in possible.items() if may]


async def _lines(request: Request, view: RunView) -> list[LogLine] | None:
    """Return the stored log lines of a run, None without a sink, or if its database is unavailable."""
    settings = app_of(request).settings
    if settings.log_sink is None:
        return None
    asked = LogFilter(settings.namespace, view.workflow_id, limit=100)
    try:
        return lines_seen_by(await log_of(request).ask(asked), who(request))
    except PaigeantError:
        return None


@router.get("/runs/{workflow_id}/values/{name}")
@by_workflow
async def value(request: Request, workflow_id: str, name: str) -> Response:
    """Return a complete value as text for download: the input, the output, or a variable."""
    if not who(request).payloads:
        raise Forbidden("this needs the right to see payloads")
    view = await (await find_run(request, workflow_id)).view()
    there = {**view.variables, "input": view.input, "output": view.output}
    if name not in there:
        raise UnknownVariable(f"run {view.workflow_id} has no value {name!r}")
    found = there[name]
    text = found if isinstance(found, str) else to_json(found, indent=2).decode()
    headers = {"Content-Disposition": 'attachment; filename="value.txt"'}
    return PlainTextResponse(text.encode(errors="backslashreplace"), headers=headers)


@router.get("/queues")
async def queues(request: Request) -> Response:
    """Show the queue of each activity."""
    return page(request, "queues.html", queues=await app_of(request).store.list_queues())


@router.get("/workers")
async def workers(request: Request) -> Response:
    """Show the living workers."""
    return page(request, "workers.html", workers=await app_of(request).list_workers())


@router.get("/workflows")
@by_workflow
async def workflows(request: Request) -> Response:
    """Show the workflows that can be dispatched."""
    return page(request, "workflows.html", workflows=await workflows_seen(request))


@router.get("/workflows/{name}")
@by_workflow
async def workflow(request: Request, name: str) -> Response:
    """Show one workflow: its graph, the workers that published it, and the steps that nobody serves."""
    own_workflows(request, [name])
    app = app_of(request)
    plan = await app.catalog.find(name, app.store)
    listed = listing_of(plan, await app.list_workers())
    return page(request, "workflow.html", name=name, graph=graph_of(plan.picture), listed=listed)


@router.get("/deeds")
async def deeds(request: Request) -> Response:
    """Show what people did last, to runs and to the installation."""
    return page(request, "deeds.html", deeds=deeds_seen_by(await newest_deeds(request, 4 * _PAGE), who(request)))


@router.get("/runs/{workflow_id}/custody")
@by_workflow
async def custody(request: Request, workflow_id: str) -> Response:
    """Verify what was signed of a run, and show what was found."""
    if not who(request).payloads:
        raise Forbidden("this needs the right to see payloads")
    run = await find_run(request, workflow_id)
    audit = await Custody(app_of(request)).verify(run.workflow_id)
    return page(request, "custody.html", audit=audit)


@router.get("/dead-letters")
async def dead_letters(request: Request, after: str | None = None) -> Response:
    """Show the dead letters."""
    found = await app_of(request).administration.list_dead_letters(limit=_PAGE, after=after)
    return page(
        request,
        "dead_letters.html",
        letters=found.dead_letters,
        next=found.next,
        payloads=who(request).payloads,
        may_drop=who(request).role >= Role.ADMIN,
    )
