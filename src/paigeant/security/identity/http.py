"""Asking a provider of identities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

from pydantic_core import from_json

from paigeant.errors import ConfigError, IdentityRefused, IdentityUnavailable
from paigeant.security.http import GOOD, Limits, NoAnswer, RefusedAnswer, ask
from paigeant.security.identity.options import require_https

ANSWER_BYTES: Final = 64 * 1024
SECONDS: Final = 5.0
"""For a whole request, from the connection to the last byte."""


class Answer(NamedTuple):
    """What a provider has answered: a status below 500 that is no redirect, and an object."""

    status: int
    said: Mapping[str, Any]


async def get(url: str) -> Answer:
    """Return what lies at an address; raises IdentityRefused and IdentityUnavailable."""
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
    return Answer(status, _object(url.partition("?")[0], status, body))


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
