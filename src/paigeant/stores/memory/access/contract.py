"""Who may ask the HTTP API."""

# ruff: noqa: D102 -- what a method guarantees is said in the contract

from __future__ import annotations

from datetime import timedelta

from paigeant.abc import AccessTokens
from paigeant.errors import WrongState
from paigeant.model.stored.access_tokens import StoredToken, TokenGrant
from paigeant.stores.memory.rows import Rows


class MemoryAccessTokens(AccessTokens):
    """The contract over rows in memory."""

    _rows: Rows

    async def record_token(self, grant: TokenGrant, digest: str, lifetime: timedelta | None = None) -> StoredToken:
        if grant.name in self._rows.tokens:
            raise WrongState(f"{grant.name} has a token already: revoke that first")
        now = self._rows.clock()
        until = None if lifetime is None else now + lifetime
        token = StoredToken(**grant.model_dump(), created_at=now, expires_at=until)
        self._rows.tokens[grant.name] = digest, token
        return token

    async def list_tokens(self) -> list[StoredToken]:
        return [token for _, (_, token) in sorted(self._rows.tokens.items())]

    async def find_token(self, digest: str) -> StoredToken | None:
        now = self._rows.clock()
        for known, token in self._rows.tokens.values():
            if known == digest and (token.expires_at is None or token.expires_at > now):
                return token
        return None

    async def revoke_token(self, name: str) -> bool:
        return self._rows.tokens.pop(name, None) is not None
