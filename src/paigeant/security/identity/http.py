"""HTTP requests to an identity provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

from paigeant.errors import ConfigError, IdentityRefused, IdentityUnavailable
from paigeant.model.limits import DEPTH
from paigeant.security.frame import read_json
from paigeant.security.http import GOOD, Limits, NoAnswer, RefusedAnswer, ask
from paigeant.security.identity.options import require_https

ANSWER_BYTES: Final = 64 * 1024
SECONDS: Final = 5.0
"""Timeout of a whole request, from the connection to the last byte."""


class Answer(NamedTuple):
    """Answer of a provider: a status below 500 that is no redirect, and a JSON object."""

    status: int
    said: Mapping[str, Any]


async def get(url: str) -> Answer:
    """Return the object at an address; raises IdentityRefused and IdentityUnavailable."""
    return await _ask(url, None, None)


async def post(url: str, form: Mapping[str, str], client: tuple[str, str] | None) -> Answer:
    """Return the answer to a form, sent by a client; raises IdentityRefused and IdentityUnavailable."""
    return await _ask(url, form, client)


async def _ask(url: str, form: Mapping[str, str] | None, client: tuple[str, str] | None) -> Answer:
    try:
        require_https(url, "an address of the identity provider")
        status, body = await ask(url, Limits(SECONDS, ANSWER_BYTES), form, client)
    except NoAnswer as error:
        raise IdentityUnavailable(str(error)) from None
    except (RefusedAnswer, ConfigError) as error:
        raise IdentityRefused(str(error)) from None
    return Answer(status, read_answer(url.partition("?")[0], status, body))


def read_answer(where: str, status: int, body: bytes) -> Mapping[str, Any]:
    """Parse the JSON object of an answer; raises IdentityRefused for an invalid one, or duplicate keys."""
    try:
        said: Any = read_json(body, depth=DEPTH)
    except ValueError:
        said = None
    if isinstance(said, dict):
        return cast("Mapping[str, Any]", said)
    if status == GOOD:
        raise IdentityRefused(f"{where} answers with what is no JSON object")
    return {}
