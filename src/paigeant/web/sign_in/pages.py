"""Sign-in and sign-out pages."""

from __future__ import annotations

from typing import Final, cast

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from paigeant.errors import IdentityRefused
from paigeant.web.access import SESSION, Access
from paigeant.web.guard import COOKIE
from paigeant.web.rendering import page
from paigeant.web.requests import by_workflow, form_body
from paigeant.web.sign_in.attempt import SECONDS, Attempt

ATTEMPT_COOKIE: Final = "__Host-paigeant-attempt"

router: Final = APIRouter(include_in_schema=False)


@router.get("/login")
@by_workflow
async def login(request: Request, back: str = "/") -> Response:
    """Ask for a token, or redirect to the provider; ``back`` is the page to return to."""
    return _ask(request, back=_page_here(back))


@router.post("/login")
@by_workflow
async def sign_in(request: Request) -> Response:
    """Sign in with a token."""
    fields = await form_body(request)
    back = _page_here(fields.get("back", "/"))
    session = await _access(request).sign_in(fields.get("token", ""))
    if session is None:
        return _ask(request, 401, "this is no token of this server", back=back)
    return _signed_in(request, session, back)


@router.get("/login/openid")
@by_workflow
async def begin(request: Request, back: str = "/") -> Response:
    """Send the browser to the provider."""
    access = _access(request)
    if access.openid is None:
        return _ask(request, 404, "no provider is configured here")
    attempt = Attempt.begin(_page_here(back), str(request.url_for("finish")))
    try:
        answer = RedirectResponse(await access.openid.address(attempt), 303)
    except IdentityRefused as error:
        return _ask(request, 502, str(error))
    answer.set_cookie(
        ATTEMPT_COOKIE,
        attempt.sealed(access.secret),
        int(SECONDS),
        secure=True,
        httponly=True,
        samesite="lax",
        path="/",
    )
    return answer


@router.get("/login/openid/answer")
@by_workflow
async def finish(request: Request) -> Response:
    """Sign in the person whom the provider has sent back."""
    access = _access(request)
    attempt = Attempt.open(request.cookies.get(ATTEMPT_COOKIE, ""), access.secret)
    if access.openid is None or attempt is None:
        return _ask(request, 400, "you have not begun to sign in here, or too long ago; sign in once more")
    try:
        identity = await access.openid.finish(attempt, request.query_params)
    except IdentityRefused as error:
        answer = _ask(request, 401, str(error))
    else:
        answer = _signed_in(request, access.begin_session(identity), attempt.back)
    answer.delete_cookie(ATTEMPT_COOKIE, secure=True, httponly=True, samesite="lax", path="/")
    return answer


@router.post("/logout")
@by_workflow
async def sign_out(request: Request) -> Response:
    """Sign out."""
    await form_body(request)
    _access(request).sign_out(request.state.session)
    answer = RedirectResponse(f"{request.scope.get('root_path', '')}/login", 303)
    answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax", path="/")
    return answer


def _access(request: Request) -> Access:
    return cast("Access", request.app.state.access)


def _ask(request: Request, status: int = 200, wrong: str = "", back: str = "/") -> Response:
    openid = _access(request).openid
    return page(request, "login.html", status, wrong=wrong, back=back, provider=None if openid is None else openid.name)


def _signed_in(request: Request, session: str, back: str) -> Response:
    answer = RedirectResponse(f"{request.scope.get('root_path', '')}{back}", 303)
    answer.set_cookie(COOKIE, session, int(SESSION), secure=True, httponly=True, samesite="lax", path="/")
    return answer


def _page_here(back: str) -> str:
    """Return the path of a page of ours; any other path would be an open redirect."""
    here = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
    return back if here else "/"
