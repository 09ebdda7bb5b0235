"""Requests: who asks, what they may, and what they have sent; the same for the API and the pages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qsl
from uuid import UUID

from pydantic_core import from_json
from starlette.requests import Request

from paigeant.abc import RunReader
from paigeant.app import Paigeant, Run
from paigeant.app.handlers.publications import WorkflowListing
from paigeant.app.upkeep.log_lines import LogReader
from paigeant.errors import InvalidInput, RequestError
from paigeant.model.limits import DEPTH
from paigeant.model.runs import RunView
from paigeant.model.stored.run_filter import RunFilter
from paigeant.model.values.json_text import to_json
from paigeant.model.values.nesting import nesting
from paigeant.protocol.operate import unknown
from paigeant.web.access import Access, Identity, Role

R = TypeVar("R", bound=Callable[..., Any])

_BY_WORKFLOW: Final = "paigeant_by_workflow"


class Forbidden(RequestError):
    """Whoever asks has not the right for it."""


class Changed(RequestError):
    """The run is not any more as whoever asks has seen it."""


class BadForm(RequestError):
    """A form that no page of this server has made."""


class NotKept(RequestError):
    """What was asked for is kept nowhere, by the settings."""


def app_of(request: Request) -> Paigeant:
    """Return the open application."""
    return cast("Paigeant", request.app.state.paigeant)


def log_of(request: Request) -> LogReader:
    """Return what reads kept log lines."""
    return cast("LogReader", request.app.state.log)


def who(request: Request) -> Identity:
    """Return who asks."""
    return cast("Identity", request.state.identity)


def require(request: Request, role: Role) -> Identity:
    """Return who asks, if they have this role; raises Forbidden."""
    identity = who(request)
    if identity.role < role:
        raise Forbidden(f"this needs the role {role.name.lower()}; {identity.name} is {identity.role.name.lower()}")
    return identity


def by_workflow(route: R) -> R:
    """Mark a route that shows, and does, nothing beyond the workflows of who asks.

    All other routes refuse whoever may not ask about all workflows, so that a new one cannot forget it.
    """
    vars(route)[_BY_WORKFLOW] = True
    return route


def require_scope(request: Request) -> None:
    """Return if who asks may ask this at all; raises Forbidden if they have some workflows, and it is not by these."""
    identity = who(request)
    if identity.workflows and _BY_WORKFLOW not in vars(request.scope["endpoint"]):
        raise beyond(identity)


def beyond(identity: Identity) -> Forbidden:
    """Return the error for what is beyond the workflows of who asks."""
    return Forbidden(
        f"{identity.name} may see, and do, what is of these workflows alone: {', '.join(identity.workflows)}"
    )


def own_workflows(request: Request, named: Sequence[str]) -> tuple[str, ...]:
    """Return the workflows to ask about: those that are named, else all that who asks may see; nothing for all.

    Raises Forbidden if none of those that are named is theirs.
    """
    identity = who(request)
    if not identity.workflows:
        return tuple(named)
    found = tuple(name for name in named if name in identity.workflows) if named else identity.workflows
    if not found:
        raise beyond(identity)
    return found


async def workflows_seen(request: Request) -> list[WorkflowListing]:
    """Return the workflows that can be dispatched, as far as they are theirs who ask."""
    mine = who(request).workflows
    return [each for each in await app_of(request).list_workflows() if not mine or each.name in mine]


def own_runs(request: Request, asked: RunFilter) -> RunFilter:
    """Return the filter, narrowed to the workflows of who asks; raises Forbidden as :func:`own_workflows`."""
    return asked.model_copy(update={"workflow": own_workflows(request, asked.workflow)})


async def json_body(request: Request, *names: str) -> dict[str, Any]:
    """Return the object that was sent as JSON, with these fields at most; nothing sent is an empty one.

    Raises InvalidInput, also for what nests too deep, before it is parsed.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise InvalidInput("send the body as application/json")
    body = await request.body()
    if (depth := nesting(body)) > DEPTH:
        raise InvalidInput(f"the body nests {depth} levels deep; at most {DEPTH} are allowed")
    try:
        found: Any = from_json(body) if body else {}
    except ValueError as error:
        raise InvalidInput(f"the body is no JSON: {error}") from None
    if not isinstance(found, dict) or set(cast("dict[str, Any]", found)) - set(names):
        raise InvalidInput(f"the body should be an object with {', '.join(names) or 'nothing in it'}")
    return cast("dict[str, Any]", found)


async def form_body(request: Request) -> dict[str, str]:
    """Return the fields of a form of ours; raises BadForm for one that lacks its token."""
    fields = dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
    access = cast("Access", request.app.state.access)
    if not access.is_form_token(request.state.session, fields.pop("form_token", "")):
        raise BadForm("this form is too old, or was not made by this server; go back, load the page again, and repeat")
    return fields


async def find_run(request: Request, workflow_id: str) -> Run[Any]:
    """Return the handle of the run with this id, or that begins like it; raises UnknownRun.

    So also for a run of a workflow that is not theirs. Whoever has some workflows says the whole id: what is said of
    several that begin alike would be of others, too.
    """
    app, mine = app_of(request), who(request).workflows
    if not mine:
        return await app.find_run(workflow_id)
    run = app.run(workflow_id)
    if run.workflow_id not in await _of(app.store, run.workflow_id, mine):
        raise unknown(run.workflow_id)
    return run


async def _of(store: RunReader, workflow_id: UUID, workflows: Sequence[str]) -> set[UUID]:
    found = await store.find_runs(workflow_id, workflow_id, limit=1)
    return {run.workflow_id for run in found if run.workflow in workflows}


def version_of(view: RunView) -> str:
    """Return the digest of where a run stands: another one, once anything has changed that a verb depends on."""
    hops = [(hop.path, hop.position, str(hop.status), hop.reason, len(hop.errors)) for hop in view.journey]
    return hashlib.sha256(to_json([str(view.status), view.cancel_requested, hops])).hexdigest()[:16]


def require_unchanged(view: RunView, seen: str | None) -> None:
    """Return if the run is as it was seen, or if nothing was said of that; raises Changed."""
    if seen and seen.strip('" ') != version_of(view):
        raise Changed(f"run {view.workflow_id} has changed meanwhile: it is {view.status}; look at it again")
