"""HTTP API of the system: queues, workers, workflows, dead letters, costs, logs, and the stream of changes."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias, cast

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

from paigeant.app.observing.monitor import wanted_workers
from paigeant.app.operating.attention import find_attention
from paigeant.errors import InvalidInput, Unavailable, UnknownStep
from paigeant.model.people.deeds import DeedView
from paigeant.model.stored.log_lines import LogFilter
from paigeant.model.stored.overview import QueueView
from paigeant.web.access import Role
from paigeant.web.api import Limit
from paigeant.web.events import MOST, EventStream, Watcher
from paigeant.web.problems import problem
from paigeant.web.redaction import deeds_seen_by, groups_seen_by, lines_seen_by
from paigeant.web.requests import (
    NotKept,
    app_of,
    by_workflow,
    find_run,
    json_body,
    log_of,
    newest_deeds,
    require,
    who,
    workflows_seen,
)

router: Final = APIRouter(prefix="/api/v1")

LineId: TypeAlias = Annotated[int | None, Query(ge=0, lt=2**63)]
"""Id of a log line, within the column's range."""

SLOTS: Final = 32
"""Default number of a worker's slots for autoscaling."""


health: Final = APIRouter(include_in_schema=False)


@health.get("/health")
async def is_healthy() -> Response:
    """Answer that the server is alive, without authentication."""
    return PlainTextResponse("ok\n")


@router.get("/queues")
async def list_queues(request: Request) -> dict[str, list[QueueView]]:
    """Return the queue of each activity."""
    return {"queues": await app_of(request).store.list_queues()}


@router.get("/queues/{activity}")
async def show_queue(request: Request, activity: str, slots: int = SLOTS) -> dict[str, Any]:
    """Return the queue of one activity, and the ``wanted`` workers with this many slots: for an autoscaler."""
    for queue in await app_of(request).store.list_queues():
        if queue.activity == activity:
            return {**queue.model_dump(), "slots": slots, "wanted": wanted_workers(queue, slots)}
    raise UnknownStep(f"no worker has ever published an activity {activity!r}")


@router.get("/workers")
async def list_workers(request: Request) -> dict[str, Any]:
    """Return the living workers; a ``draining`` one leases nothing more."""
    shown = ("id", "host", "pid", "topics", "draining")
    return {"workers": [{name: getattr(card, name) for name in shown} for card in await app_of(request).list_workers()]}


@router.post("/workers/{worker}/drain")
async def drain_worker(request: Request, worker: str) -> dict[str, Any]:
    """Drain a worker: it leases nothing more, finishes its steps, and then exits."""
    require(request, Role.OPERATOR)
    await json_body(request)
    await app_of(request).administration.drain_worker(worker)
    return {"id": worker, "draining": True}


@router.get("/deeds")
async def list_deeds(request: Request, limit: Limit = 50) -> dict[str, list[DeedView]]:
    """Return the newest of what people did, to runs and to the installation; the newest first."""
    return {"deeds": deeds_seen_by(await newest_deeds(request, limit), who(request))}


@router.get("/workflows")
@by_workflow
async def list_workflows(request: Request) -> dict[str, Any]:
    """Return the workflows that can be dispatched."""
    return {"workflows": await workflows_seen(request)}


@router.get("/attention")
@by_workflow
async def attention(request: Request) -> dict[str, Any]:
    """Return the problems that need a person, grouped by cause, step and error."""
    groups = groups_seen_by(await find_attention(app_of(request).store, who(request).workflows), who(request))
    return {"groups": [group.model_dump(mode="json") for group in groups]}


@router.get("/runs/{workflow_id}/cost")
@by_workflow
async def cost(request: Request, workflow_id: str) -> dict[str, Any]:
    """Return the charges of a run's steps."""
    run = await find_run(request, workflow_id)
    entries = await app_of(request).store.read_ledger(run.workflow_id)
    rows = [
        {
            "model": entry.charge.model,
            "input_tokens": entry.charge.input_tokens,
            "output_tokens": entry.charge.output_tokens,
            "usd": None if entry.charge.cost is None else str(entry.charge.cost),
            "at": entry.at,
        }
        for entry in entries
    ]
    return {"rows": rows}


@router.get("/runs/{workflow_id}/logs")
@by_workflow
async def logs(request: Request, workflow_id: str, after: LineId = None, limit: Limit = 200) -> dict[str, Any]:
    """Return the newest stored log lines of a run, in order; with ``after``, the first behind that id."""
    app, run = app_of(request), await find_run(request, workflow_id)
    if app.settings.log_sink is None:
        raise NotKept("no log lines are kept: set PAIGEANT_LOG_SINK for workers and for this server")
    asked = LogFilter(app.settings.namespace, run.workflow_id, after=after, limit=limit)
    lines = lines_seen_by(await log_of(request).ask(asked), who(request))
    return {"lines": [{"id": line.id, **line.fields} for line in lines]}


@router.get("/dead-letters")
async def list_letters(request: Request, limit: Limit = 50, after: str | None = None) -> dict[str, Any]:
    """Return a page of dead letters; bodies only for callers who may see payloads."""
    page = await app_of(request).administration.list_dead_letters(limit=limit, after=after)
    hidden = None if who(request).payloads else {"dead_letters": {"__all__": {"body", "detail"}}}
    return page.model_dump(mode="json", exclude=hidden)


@router.post("/dead-letters/replay")
async def replay_letters(request: Request) -> dict[str, Any]:
    """Publish dead letters again: ``{ids}``."""
    require(request, Role.OPERATOR)
    replayed = await app_of(request).administration.replay_dead_letters(await _ids(request))
    return {"replayed": replayed}


@router.post("/dead-letters/drop")
async def drop_letters(request: Request) -> dict[str, int]:
    """Delete dead letters: ``{ids}``."""
    require(request, Role.ADMIN)
    return {"dropped": await app_of(request).administration.drop_dead_letters(await _ids(request))}


async def _ids(request: Request) -> list[int]:
    given: Any = (await json_body(request, "ids")).get("ids")
    ids = cast("list[Any]", given) if isinstance(given, list) else []
    if not ids or not all(isinstance(each, int) for each in ids):
        raise InvalidInput("the body should be {ids: [1, 2]}")
    return ids


@router.get("/events", include_in_schema=False)
@by_workflow
async def events(request: Request, seen: str | None = None) -> Response:
    """Stream a notice of each change, once a second at most, from the one that the page has ``seen``."""
    watcher: Watcher = request.app.state.watcher
    if watcher.streams >= MOST:
        return problem(503, Unavailable.__name__, f"{MOST} streams are open already; close some")
    return EventStream(watcher, request.headers.get("last-event-id", seen))
