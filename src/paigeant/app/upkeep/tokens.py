"""Tokens of the HTTP API and the dashboard: created, shown once, listed, revoked."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final, NamedTuple, cast

from paigeant.abc import AccessTokens
from paigeant.errors import InvalidInput
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.stored.access_tokens import StoredToken, TokenGrant, TokenRole, token_digest
from paigeant.model.values.showing import shown

PREFIX: Final = "pgt_"
"""Prefix of tokens, by which they are recognised and masked in any text."""


class NewToken(NamedTuple):
    """A new token, shown once, its stored form, and those of its workflows that nobody has published."""

    token: str
    kept: StoredToken
    unpublished: tuple[str, ...] = ()


async def create_token(
    store: AccessTokens,
    name: str,
    role: TokenRole,
    *,
    payloads: bool = False,
    workflows: Iterable[str] = (),
    lifetime: timedelta | None = None,
) -> NewToken:
    """Create a token of 256 random bits; only its SHA-256 is stored. Roles that may act also see payloads.

    Raises InvalidInput for an invalid name, and WrongState if the name has a token already.
    """
    narrow = tuple(dict.fromkeys(workflows))
    for each in (name, *narrow):
        if not isinstance(cast("Any", each), str) or not re.fullmatch(NAME_PATTERN, each):
            raise InvalidInput(f"{shown(each)} is no name: use up to 100 letters, digits, '_', '-' and '.'")
    if lifetime is not None and lifetime <= timedelta(0):
        raise InvalidInput("a token must count for longer than 0 seconds")
    token = PREFIX + secrets.token_urlsafe(32)
    sees = payloads or role is not TokenRole.VIEWER
    grant = TokenGrant(name=name, role=role, payloads=sees, workflows=narrow)
    return NewToken(token, await store.record_token(grant, token_digest(token), lifetime))
