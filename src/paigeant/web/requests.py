"""Requests: who asks, what they may, and what they have sent; the same for the API and the pages."""

from __future__ import annotations

import hashlib
from typing import Any, cast
from urllib.parse import parse_qsl

from pydantic_core import from_json, to_json
from starlette.requests import Request

from paigeant.app import Paigeant, Run
from paigeant.app.upkeep.log_lines import LogReader
from paigeant.errors import InvalidInput, RequestError
from paigeant.model.limits import DEPTH
from paigeant.model.runs import RunView
from paigeant.model.values.nesting import nesting
from paigeant.web.access import Access, Identity, Role


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
    """Return the handle of the run with this id, or that begins like it; raises UnknownRun."""
    return await app_of(request).find_run(workflow_id)


def version_of(view: RunView) -> str:
    """Return the digest of where a run stands: another one, once anything has changed that a verb depends on."""
    hops = [(hop.path, hop.position, str(hop.status), hop.reason, len(hop.errors)) for hop in view.journey]
    return hashlib.sha256(to_json([str(view.status), view.cancel_requested, hops])).hexdigest()[:16]


def require_unchanged(view: RunView, seen: str | None) -> None:
    """Return if the run is as it was seen, or if nothing was said of that; raises Changed."""
    if seen and seen.strip('" ') != version_of(view):
        raise Changed(f"run {view.workflow_id} has changed meanwhile: it is {view.status}; look at it again")
