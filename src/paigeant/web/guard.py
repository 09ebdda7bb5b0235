"""Guard: an ASGI middleware that admits only permitted requests, and sets security headers.

A local server answers only to this machine, without a proxy between, which others could use. Its Host must be a
loopback name: a page elsewhere can point a name at 127.0.0.1. A write must come from a page of ours or from a program:
checked by ``Origin`` and ``Sec-Fetch-Site``, and by its token or form token. There is no CORS. Bodies are limited
before they are read.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import quote, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paigeant.app.operating.deeds import acting
from paigeant.app.upkeep.log_lines import LogReader
from paigeant.errors import IdentityUnavailable, Unavailable
from paigeant.model.limits import VALUE_BYTES
from paigeant.web.access import LOCAL, Access, Identity, Role
from paigeant.web.events import Watcher
from paigeant.web.problems import problem

COOKIE: Final = "__Host-paigeant"
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN_PATHS: Final = frozenset({"/health", "/login", "/login/openid", "/login/openid/answer"})
"""Paths that need no token, in addition to the style sheet."""

HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with no-referrer, browsers send forms of ours with "Origin: null"
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LOG: Final = logging.getLogger("paigeant.web")
_OURS: Final = frozenset({"same-origin", "none"})
_PROXIED: Final = ("forwarded", "x-forwarded-", "x-real-ip")
"""Prefixes of headers that proxies add."""


class Guard:
    """Wraps an application; puts ``identity``, ``session`` and ``by_token`` into the scope's state."""

    def __init__(self, app: ASGIApp, access: Access, watcher: Watcher, log: LogReader) -> None:
        """Guard ``app`` by the rules of ``access``; the server stops the ``watcher`` first, and then closes this."""
        self._app = app
        self._access = access
        self._log = log
        self.watcher: Watcher = watcher

    async def aclose(self) -> None:
        """End the streams, and close the connection for log lines."""
        await self.watcher.stop()
        self._log.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            answer = await self._refusal(scope, headers)
        except (Unavailable, IdentityUnavailable) as error:
            answer = 503, type(error).__name__, str(error)
        if answer is None:
            write = scope["method"] in _WRITES
            sending = _with_headers(send)
            via = "api" if scope["state"]["by_token"] else "dashboard"
            with acting(scope["state"]["identity"].name, via=via):
                await self._app(scope, _limited(receive, headers), _noting(scope, sending) if write else sending)
        else:
            status, code, text = answer
            page = "text/html" in headers.get("accept", "") and status == HTTPStatus.UNAUTHORIZED
            login = _login(scope) if page else None
            await problem(status, code, text, login=login)(scope, receive, _with_headers(send))

    async def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str, str] | None:
        if self._access.local and (refusal := _not_local(scope, headers)) is not None:
            return refusal
        identity, session, by_token = await self._identify(headers)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if identity is None and path not in OPEN_PATHS and not path.startswith("/static/"):
            return 401, "Unauthenticated", "send Authorization: Bearer with a token, or sign in at /login"
        state: dict[str, Any] = scope.setdefault("state", {})
        state.update(
            identity=identity or Identity("nobody", Role.VIEWER, payloads=False), session=session, by_token=by_token
        )
        if scope["method"] in _WRITES and not by_token:
            return _foreign(headers)
        return None

    async def _identify(self, headers: Mapping[str, str]) -> tuple[Identity | None, str, bool]:
        """Return the caller's identity and session, and whether it has sent a token."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self._access.by_token(token.strip()), "", True
        session = _cookie(headers.get("cookie", ""))
        if session and (identity := await self._access.by_session(session)) is not None:
            return identity, session, False
        return (LOCAL if self._access.local else None), "local", False


def _login(scope: Scope) -> str:
    """Return the address of the sign-in page, with the requested page to return to."""
    root = scope.get("root_path", "")
    asked = scope["path"].removeprefix(root) if scope["method"] == "GET" else "/"
    query = scope["query_string"].decode("latin-1")
    back = quote(f"{asked}?{query}" if query and asked != "/" else asked, safe="")
    return f"{root}/login" if asked == "/" else f"{root}/login?back={back}"


def _not_local(scope: Scope, headers: Mapping[str, str]) -> tuple[int, str, str] | None:
    """Refuse requests from another machine, by another name, or through a proxy."""
    host = _host(headers.get("host", ""))
    if host not in LOOPBACK:
        return 421, "WrongHost", f"this server is for this machine only; it does not answer to the name {host!r}"
    said = "this server needs no token and is for this machine only; to let others in, set PAIGEANT_API_TOKEN"
    if not _is_loopback((scope.get("client") or ("",))[0]):
        return 403, "NotLocal", f"{said}: you ask from another machine"
    proxied = [name for name in headers if name.startswith(_PROXIED)]
    if proxied:
        return 403, "NotLocal", f"{said}, and --behind-proxy: a proxy has sent this ({', '.join(sorted(proxied))})"
    return None


def _is_loopback(address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_loopback


def _foreign(headers: Mapping[str, str]) -> tuple[int, str, str] | None:
    """Refuse a write that a page elsewhere has sent."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    same = origin is None or urlsplit(origin).netloc == headers.get("host")
    if same and (site is None or site in _OURS):
        return None
    return 403, "ForeignOrigin", "this was sent by a page of another site; nothing was done"


def _host(header: str) -> str:
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _noting(scope: Scope, send: Send) -> Send:
    """Log each write: person, address, request and response."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            fields = {
                "event": "deed",
                "who": scope["state"]["identity"].name,
                "from": (scope.get("client") or ("unknown",))[0],
                "method": scope["method"],
                "path": scope["path"],
                "status": message["status"],
            }
            text = "%(who)s: %(method)s %(path)s: %(status)d"
            _LOG.info(text, fields, extra=fields)
        await send(message)

    return sending


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message.get("headers", [])}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in there]
            message = {**message, "headers": [*message.get("headers", []), *more]}
        await send(message)

    return sending


class TooLarge(Exception):
    """Body that is larger than the largest value."""


def _limited(receive: Receive, headers: Mapping[str, str]) -> Receive:
    """Return a receiver of bodies up to the largest value; it raises TooLarge beyond it."""
    left = VALUE_BYTES
    declared = headers.get("content-length", "0")
    too_large = not declared.isdecimal() or int(declared) > left

    async def receiving() -> Message:
        nonlocal left
        if too_large:
            raise TooLarge
        message = await receive()
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            if left < 0:
                raise TooLarge
        return message

    return receiving
