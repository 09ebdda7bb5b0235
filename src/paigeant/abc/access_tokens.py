"""The contract for tokens of the HTTP API and the dashboard."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta

from paigeant.model.stored.access_tokens import StoredToken, TokenGrant


class AccessTokens(ABC):
    """Keeps who has a token, by the SHA-256 of it."""

    @abstractmethod
    async def record_token(self, grant: TokenGrant, digest: str, lifetime: timedelta | None = None) -> StoredToken:
        """Keep whose token has this digest, for so long by the store's clock, or until it is revoked.

        Raises ``WrongState`` if somebody of this name has one already, whether or not it has expired.
        """

    @abstractmethod
    async def list_tokens(self) -> list[StoredToken]:
        """Return who has a token, by name, with those that have expired."""

    @abstractmethod
    async def find_token(self, digest: str) -> StoredToken | None:
        """Return whose token has this digest, unless it has expired."""

    @abstractmethod
    async def revoke_token(self, name: str) -> bool:
        """Forget the token of somebody; returns whether there was one."""
