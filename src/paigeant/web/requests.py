"""Requests: identity, permissions and input of the caller; common to the API and the pages."""

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
from paigeant.model.people.deeds import DeedView
from paigeant.model.runs import RunView
from paigeant.model.stored.run_filter import RunFilter
from paigeant.model.values.json_text import to_json
from paigeant.model.values.nesting import nesting
from paigeant.protocol.operate import unknown
from paigeant.web.access import Access, Identity, Role

R = TypeVar("R", bound=Callable[..., Any])

_BY_WORKFLOW: Final = "paigeant_by_workflow"


class Forbidden(RequestError):
    """The caller lacks the permission."""


class Changed(RequestError):
    """The run has changed since the caller saw it."""


class BadForm(RequestError):
    """A form that was not made by a page of this server."""


class NotKept(RequestError):
    """The requested data is not stored, by the settings."""


def app_of(request: Request) -> Paigeant:
    """Return the open application."""
    return cast("Paigeant", request.app.state.paigeant)


def log_of(request: Request) -> LogReader:
    """Return the reader of stored log lines."""
    return cast("LogReader", request.app.state.log)


def who(request: Request) -> Identity:
    """Return the caller's identity."""
    return cast("Identity", request.state.identity)


def require(request: Request, role: Role) -> Identity:
    """Return the caller's identity, if it has this role; raises Forbidden."""
    identity = who(request)
    if identity.role < role:
        raise Forbidden(f"this needs the role {role.name.lower()}; {identity.name} is {identity.role.name.lower()}")
    return identity


def by_workflow(route: R) -> R:
    """Mark a route that is limited to the caller's workflows.

    All other routes refuse callers with a limit on workflows, so that a new route cannot forget it.
    """
    vars(route)[_BY_WORKFLOW] = True
    return route


def require_scope(request: Request) -> None:
    """Raise Forbidden if the caller is limited to some workflows, and the route does not support it."""
    identity = who(request)
    if identity.workflows and _BY_WORKFLOW not in vars(request.scope["endpoint"]):
        raise beyond(identity)


def beyond(identity: Identity) -> Forbidden:
    """Return the error for a request beyond the caller's workflows."""
    return Forbidden(
        f"{identity.name} may see, and do, what is of these workflows alone: {', '.join(identity.workflows)}"
    )


def own_workflows(request: Request, named: Sequence[str]) -> tuple[str, ...]:
    """Return the workflows of a query: the named ones, else all that the caller may see; empty for all.

    Raises Forbidden if the caller may see none of the named ones.
    """
    identity = who(request)
    if not identity.workflows:
        return tuple(named)
    found = tuple(name for name in named if name in identity.workflows) if named else identity.workflows
    if not found:
        raise beyond(identity)
    return found


async def workflows_seen(request: Request) -> list[WorkflowListing]:
    """Return the workflows that can be dispatched and that the caller may see."""
    mine = who(request).workflows
    return [each for each in await app_of(request).list_workflows() if not mine or each.name in mine]


async def newest_deeds(request: Request, limit: int) -> list[DeedView]:
    """Return the newest deeds of people, the newest first."""
    return (await app_of(request).administration.list_deeds(limit=limit))[::-1]


def own_runs(request: Request, asked: RunFilter) -> RunFilter:
    """Return the filter, limited to the caller's workflows; raises Forbidden as :func:`own_workflows`."""
    return asked.model_copy(update={"workflow": own_workflows(request, asked.workflow)})


async def json_body(request: Request, *names: str) -> dict[str, Any]:
    """Return the JSON object in the body, with only these fields; an empty body is an empty object.

    Raises InvalidInput, also for too deep nesting, before parsing.
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
    """Return the fields of a form of ours; raises BadForm without its token."""
    fields = dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
    access = cast("Access", request.app.state.access)
    if not access.is_form_token(request.state.session, fields.pop("form_token", "")):
        raise BadForm("this form is too old, or was not made by this server; go back, load the page again, and repeat")
    return fields


async def find_run(request: Request, workflow_id: str) -> Run[Any]:
    """Return the handle of the run with this id, or prefix of an id; raises UnknownRun.

    It raises so also for a run of a workflow that the caller may not see. Callers with a limit on workflows need the
    complete id: the error for an ambiguous prefix would list other runs.
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
    """Return the digest of a run's state: it changes with everything that a verb depends on."""
    hops = [(hop.path, hop.position, str(hop.status), hop.reason, len(hop.errors)) for hop in view.journey]
    return hashlib.sha256(to_json([str(view.status), view.cancel_requested, hops])).hexdigest()[:16]


def require_unchanged(view: RunView, seen: str | None) -> None:
    """Return if the run is as the caller saw it, or the caller sent no version; raises Changed."""
    if seen and seen.strip('" ') != version_of(view):
        raise Changed(f"run {view.workflow_id} has changed meanwhile: it is {view.status}; look at it again")
