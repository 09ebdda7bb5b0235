"""Access tokens: who may ask the HTTP API and the dashboard, and for what. The tokens themselves are nowhere kept."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel


class TokenRole(StrEnum):
    """What somebody may do: each role may do what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class TokenGrant(BaseModel, frozen=True):
    """Somebody: the name that deeds are written under, and what they may. ``payloads``: see inputs and outputs.

    If ``workflows`` are named, of runs of these alone, and of nothing that is not of one workflow.
    """

    name: str
    role: TokenRole
    payloads: bool
    workflows: tuple[str, ...] = ()


class StoredToken(TokenGrant, frozen=True):
    """A token that was given to somebody; from ``expires_at`` on it counts no more."""

    created_at: datetime
    expires_at: datetime | None = None


def token_digest(token: str) -> str:
    """Return what is kept of a token: its SHA-256. It has 256 bits of chance, so that nothing need be added."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
