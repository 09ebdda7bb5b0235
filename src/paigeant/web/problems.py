"""Problem responses of RFC 9457; ``code`` is the name of the error's class."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from paigeant.errors import (
    DispatchConflict,
    IdentityUnavailable,
    InvalidInput,
    PaigeantError,
    RequestError,
    Unavailable,
    UnknownApproval,
    UnknownLetter,
    UnknownRun,
    UnknownVariable,
    UnknownWorker,
    UnknownWorkflow,
    WrongState,
)
from paigeant.model.values.json_text import to_json

_STATUSES: Final[tuple[tuple[type[PaigeantError], int], ...]] = (
    (UnknownRun, 404),
    (UnknownWorkflow, 404),
    (UnknownVariable, 404),
    (UnknownLetter, 404),
    (UnknownApproval, 404),
    (UnknownWorker, 404),
    (DispatchConflict, 409),
    (WrongState, 409),
    (InvalidInput, 422),
    (RequestError, 422),
    (Unavailable, 503),
    (IdentityUnavailable, 503),
)


class Problem(BaseModel, frozen=True):
    """Problem (RFC 9457); ``code`` is the name of the error's class."""

    type: str
    title: str
    status: int
    code: str
    detail: str


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {
        "description": HTTPStatus(status).phrase,
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
    for status in (400, 401, 403, 404, 405, 409, 412, 413, 421, 422, 500, 503)
}
"""Error responses of each operation, for the description of the API."""


def problem(status: int, code: str, detail: str, *, login: str | None = None) -> Response:
    """Return a problem response; a person's browser is redirected to sign-in, at ``login``."""
    if login is not None:
        return RedirectResponse(login, status_code=303)
    said = Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, code=code, detail=detail)
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    return Response(to_json(said), status, headers, "application/problem+json")


def status_of(error: PaigeantError) -> int:
    """Return the HTTP status for one of our errors."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
