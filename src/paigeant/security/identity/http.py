"""Asking a provider by HTTP: the one module that knows the client. Short, small, and nowhere else than asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

import httpx2
from pydantic_core import from_json

from paigeant.errors import ConfigError, IdentityRefused, IdentityUnavailable
from paigeant.security.identity.options import require_https

ANSWER_BYTES: Final = 64 * 1024
SECONDS: Final = 5.0
"""For a whole request, from the connection to the last byte."""

_LATER: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500
_REDIRECTS: Final = range(300, 400)
GOOD: Final = 200


class Answer(NamedTuple):
    """What a provider has answered: a status below 500 that is no redirect, and an object."""

    status: int
    said: Mapping[str, Any]


async def get(url: str) -> Answer:
    """Return what lies at an address; raises IdentityRefused and IdentityUnavailable."""
    return await _ask(url, "GET", None, None)


async def post(url: str, form: Mapping[str, str], client: tuple[str, str] | None) -> Answer:
    """Return the answer to a form, sent by a client; raises IdentityRefused and IdentityUnavailable."""
    return await _ask(url, "POST", form, client)


async def _ask(url: str, method: str, form: Mapping[str, str] | None, client: tuple[str, str] | None) -> Answer:
    """Ask once. No error quotes what was sent or answered: both may hold what only some may see."""
    try:
        require_https(url, "an address of the identity provider")
    except ConfigError as error:
        raise IdentityRefused(str(error)) from error
    where = url.partition("?")[0]
    try:
        async with asyncio.timeout(SECONDS), httpx2.AsyncClient(trust_env=False, follow_redirects=False) as http:
            auth = None if client is None else httpx2.BasicAuth(*client)
            headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
            async with http.stream(method, url, data=form, auth=auth, headers=headers) as response:
                _check(where, response)
                body = await _read(where, response)
    except TimeoutError:
        raise IdentityUnavailable(f"{where} has not answered in {SECONDS:g} seconds") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise IdentityUnavailable(f"{where} does not answer: {type(error).__name__}") from None
    return Answer(response.status_code, _object(where, response.status_code, body))


def _check(where: str, response: httpx2.Response) -> None:
    status = response.status_code
    if status in _REDIRECTS:
        raise IdentityRefused(f"{where} redirects, and no redirect is followed")
    if status >= _SERVER_ERROR or status in _LATER:
        raise IdentityUnavailable(f"{where} answers {status}")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise IdentityRefused(f"{where} answers with an encoding that was not asked for")


async def _read(where: str, response: httpx2.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > ANSWER_BYTES:
            raise IdentityRefused(f"{where} answers with more than {ANSWER_BYTES:,} bytes")
    return bytes(body)


def _object(where: str, status: int, body: bytes) -> Mapping[str, Any]:
    try:
        said: Any = from_json(body)
    except ValueError:
        said = None
    if isinstance(said, dict):
        return cast("Mapping[str, Any]", said)
    if status == GOOD:
        raise IdentityRefused(f"{where} answers with what is no JSON object")
    return {}
