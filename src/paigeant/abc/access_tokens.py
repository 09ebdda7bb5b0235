"""Contract of access tokens for the HTTP API and the dashboard."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta

from paigeant.model.stored.access_tokens import StoredToken, TokenGrant


class AccessTokens(ABC):
    """Access tokens by name. A token itself is never stored, only its SHA-256."""

    @abstractmethod
    async def record_token(self, grant: TokenGrant, digest: str, lifetime: timedelta | None = None) -> StoredToken:
        """Store the holder and permissions of the token with this digest, until it expires or is revoked.

        ``lifetime`` is measured by the store's clock; a token without one does not expire. Raises ``WrongState`` if the
        name has a token already, expired or not.
        """

    @abstractmethod
    async def list_tokens(self) -> list[StoredToken]:
        """Return all tokens, sorted by name, including those that have expired."""

    @abstractmethod
    async def find_token(self, digest: str) -> StoredToken | None:
        """Return the token with this digest, None if there is none or it has expired."""

    @abstractmethod
    async def revoke_token(self, name: str) -> bool:
        """Delete the token of this name; returns False if there was none."""
