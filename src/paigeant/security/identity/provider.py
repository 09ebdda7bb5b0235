"""Identity provider: its endpoints and keys, found by discovery and cached."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any, Final, NamedTuple

from paigeant.errors import ConfigError, IdentityRefused, IdentityUnavailable
from paigeant.security.http import GOOD
from paigeant.security.identity.http import Answer, get
from paigeant.security.identity.options import require_https
from paigeant.security.identity.tokens import ProviderKey, UnknownProviderKey, read_keys, verify

KEPT: Final = 600.0
"""Seconds for which discovery and keys are cached."""

AGAIN: Final = 30.0
"""Minimum of seconds between two reads of the keys because of a token with an unknown key."""

WELL_KNOWN: Final = "/.well-known/openid-configuration"


class Known(NamedTuple):
    """Results of discovery, and their time."""

    token_endpoint: str
    authorization_endpoint: str | None
    jwks_uri: str
    keys: Mapping[str, ProviderKey]
    at: float


class Provider:
    """Provider of one issuer. Concurrent callers share one request."""

    def __init__(self, issuer: str, setting: str, *, ask: Callable[[str], Awaitable[Answer]] = get) -> None:
        """Start without data; raises ConfigError for an issuer that tokens may not be sent to."""
        self._issuer = require_https(issuer, setting)
        self._setting = setting
        self._ask = ask
        self._known: Known | None = None
        self._asking: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}

    async def token_endpoint(self) -> str:
        """Return the token endpoint; raises IdentityRefused and IdentityUnavailable."""
        return (await self._find(KEPT)).token_endpoint

    async def authorization_endpoint(self) -> str:
        """Return the authorization endpoint; raises IdentityRefused and IdentityUnavailable."""
        found = (await self._find(KEPT)).authorization_endpoint
        if found is None:
            raise IdentityRefused("the identity provider does not say its authorization_endpoint")
        return found

    async def verify(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token with its signature; raises IdentityRefused and IdentityUnavailable."""
        known = await self._find(KEPT)
        try:
            return verify(token, known.keys)
        except UnknownProviderKey:
            if monotonic() - known.at < AGAIN:
                raise
        return verify(token, (await self._find(AGAIN)).keys)

    async def _find(self, kept: float) -> Known:
        loop = asyncio.get_running_loop()
        async with self._asking.setdefault(loop, asyncio.Lock()):
            known = self._known
            if known is None or monotonic() - known.at >= kept:
                try:
                    known = self._known = await self._discover()
                except IdentityUnavailable:
                    if known is None:
                        raise  # else the cached keys count: an unavailable provider still has them
            return known

    async def _discover(self) -> Known:
        url = self._issuer.rstrip("/") + WELL_KNOWN
        said = _good(url, await self._ask(url))
        if said.get("issuer") != self._issuer:
            text = f"{url} says that it is {str(said.get('issuer'))[:200]!r}, not {self._issuer!r}"
            raise IdentityRefused(f"{text}: {self._setting} has to be the same, letter by letter")
        token_endpoint, jwks_uri = _address(said, "token_endpoint"), _address(said, "jwks_uri")
        people = _address(said, "authorization_endpoint") if "authorization_endpoint" in said else None
        keys = read_keys(_good(jwks_uri, await self._ask(jwks_uri)))
        return Known(token_endpoint, people, jwks_uri, keys, monotonic())


def _good(url: str, answer: Answer) -> Mapping[str, Any]:
    if answer.status != GOOD:
        raise IdentityRefused(f"{url} answers {answer.status}")
    return answer.said


def _address(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name)
    if not isinstance(found, str):
        raise IdentityRefused(f"the identity provider does not say its {name}")
    try:
        return require_https(found, f"the {name} of the identity provider")
    except ConfigError as error:
        raise IdentityRefused(str(error)) from error
