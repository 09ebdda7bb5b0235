"""ASGI application: the API and the pages behind the guard."""

from __future__ import annotations

from http import HTTPStatus
from importlib.metadata import version
from importlib.resources import files
from typing import Final

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.staticfiles import StaticFiles

from paigeant.app import Paigeant
from paigeant.app.upkeep.log_lines import LogReader
from paigeant.errors import PaigeantError
from paigeant.model.checks.options import without_place
from paigeant.web import api, bulk, pages, system, verbs
from paigeant.web.access import Access
from paigeant.web.calls import approvals, conversations, costs, recorded
from paigeant.web.events import Watcher
from paigeant.web.guard import Guard, TooLarge
from paigeant.web.problems import PROBLEMS, problem, status_of
from paigeant.web.rendering import error_page
from paigeant.web.requests import BadForm, Changed, Forbidden, NotKept, require_scope
from paigeant.web.sign_in import pages as sign_in

_HTTP: Final = {404: ("NotFound", "no such page"), 405: ("MethodNotAllowed", "it is not asked with this method")}
_STATUSES: Final[dict[type[Exception], int]] = {Forbidden: 403, BadForm: 403, Changed: 412, NotKept: 404}


def asgi(paigeant: Paigeant, access: Access | None = None) -> Guard:
    """Return the API and the dashboard of an application, which must be open when requests arrive.

    Without an ``access`` it answers to this machine only, and permits everything there. For other callers pass the
    rules: ``app.mount("/ops", asgi(paigeant, access=Access(read_tokens(TOKENS), local=False)))``.
    """
    access = access or Access()
    if access.stored is None and not access.local:
        access.stored = lambda digest: paigeant.store.find_token(digest)  # noqa: PLW0108  (it is opened later)
    app = FastAPI(
        title="Paigeant",
        version=version("paigeant"),
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        responses=PROBLEMS,
        dependencies=[Depends(require_scope)],
    )
    app.state.paigeant, app.state.access, app.state.watcher = paigeant, access, Watcher(lambda: paigeant.store)
    app.state.log = LogReader(paigeant.settings)
    calls = [router for part in (approvals, conversations, costs, recorded) for router in (part.api, part.pages)]
    shown = [part.router for part in (pages, verbs, bulk, sign_in)]
    for router in (system.health, api.router, system.router, *calls, *shown):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=str(files("paigeant.web") / "static")), name="static")
    app.add_exception_handler(PaigeantError, _of_ours)
    app.add_exception_handler(TooLarge, _too_large)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _invalid)
    return Guard(app, access, app.state.watcher, app.state.log)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def _answer(request: Request, status: int, code: str, text: str) -> Response:
    return error_page(request, status, text) if _wants_page(request) else problem(status, code, text)


async def _of_ours(request: Request, error: Exception) -> Response:
    if not isinstance(error, PaigeantError):
        raise error
    status = _STATUSES.get(type(error)) or status_of(error)
    return _answer(request, status, type(error).__name__, without_place(str(error)))


async def _too_large(request: Request, error: Exception) -> Response:
    del error
    return _answer(request, 413, "TooLarge", "the body is larger than any value may be")


async def _of_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code, what = _HTTP.get(status, ("HTTPError", "it cannot be answered"))
    answer = _answer(request, status, code, f"{request.url.path}: {what}")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["allow"] = ", ".join(_methods(request))
    return answer


def _methods(request: Request) -> list[str]:
    """Return the methods of all routes with this path; each route knows only its own."""
    scopes = {method: {**request.scope, "method": method} for method in ("DELETE", "GET", "PATCH", "POST", "PUT")}
    routes = request.app.routes
    return [name for name, scope in scopes.items() if any(each.matches(scope)[0] is Match.FULL for each in routes)]


async def _invalid(request: Request, error: Exception) -> Response:
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": str(error)}
    where = ".".join(str(part) for part in first["loc"][1:])
    return _answer(request, 422, "InvalidInput", f"{where}: {first['msg']}")
