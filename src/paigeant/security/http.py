"""HTTP requests: the only module that knows the client. Short, small, and without redirects."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

import httpx2

_LATER: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500
_REDIRECTS: Final = range(300, 400)
GOOD: Final = 200


class NoAnswer(Exception):
    """No answer, or none at the moment: the request may be repeated later. The text names the server."""


class RefusedAnswer(Exception):
    """Invalid answer. The text names the server, and quotes nothing of the answer."""


class Limits(NamedTuple):
    """Limits of a request: total time in seconds from the connection to the last byte, and size of the answer."""

    seconds: float
    size: int


async def ask(
    url: str, limits: Limits, form: Mapping[str, str] | None = None, client: tuple[str, str] | None = None
) -> tuple[int, bytes]:
    """Send one request, or a form; returns a status below 500 that is no redirect, and the body.

    Raises NoAnswer and RefusedAnswer. Neither quotes the request or the answer: both may be confidential.
    """
    where = url.partition("?")[0]
    try:
        async with (
            asyncio.timeout(limits.seconds),
            httpx2.AsyncClient(verify=_trusted(), trust_env=False, follow_redirects=False) as http,
        ):
            auth = None if client is None else httpx2.BasicAuth(*client)
            headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
            method = "GET" if form is None else "POST"
            async with http.stream(method, url, data=form, auth=auth, headers=headers) as response:
                _check(where, response)
                return response.status_code, await _read(where, response, limits.size)
    except TimeoutError:
        raise NoAnswer(f"{where} has not answered in {limits.seconds:g} seconds") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise NoAnswer(f"{where} does not answer: {type(error).__name__}") from None


@cache
def _trusted() -> ssl.SSLContext:
    """Return the trusted certificates of this machine, read once: that takes 40 ms, which every step would wait for."""
    return httpx2.create_ssl_context(trust_env=False)


def _check(where: str, response: httpx2.Response) -> None:
    status = response.status_code
    if status in _REDIRECTS:
        raise RefusedAnswer(f"{where} redirects, and no redirect is followed")
    if status >= _SERVER_ERROR or status in _LATER:
        raise NoAnswer(f"{where} answers {status}")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise RefusedAnswer(f"{where} answers with an encoding that was not asked for")


async def _read(where: str, response: httpx2.Response, size: int) -> bytes:
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > size:
            raise RefusedAnswer(f"{where} answers with more than {size:,} bytes")
    return bytes(body)
