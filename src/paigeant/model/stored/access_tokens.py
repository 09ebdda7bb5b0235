"""Access tokens of the HTTP API and the dashboard: holders and permissions. Tokens themselves are not stored."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel


class TokenRole(StrEnum):
    """Roles of token holders: each role includes those before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class TokenGrant(BaseModel, frozen=True):
    """Holder of a token: the name in deeds, the role, and ``payloads``, the permission to see inputs and outputs.

    With ``workflows`` it is limited to runs of these, and excludes things that belong to no single workflow.
    """

    name: str
    role: TokenRole
    payloads: bool
    workflows: tuple[str, ...] = ()


class StoredToken(TokenGrant, frozen=True):
    """Token in the store; invalid from ``expires_at`` on."""

    created_at: datetime
    expires_at: datetime | None = None


def token_digest(token: str) -> str:
    """Return the stored form of a token: its SHA-256. It has 256 random bits, so that no salt is needed."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
