"""Who may ask the HTTP API."""

# ruff: noqa: D102 -- what a method guarantees is said in the contract

from __future__ import annotations

from datetime import timedelta

from paigeant.abc import AccessTokens
from paigeant.aio.changes import News
from paigeant.model.stored.access_tokens import StoredToken, TokenGrant
from paigeant.sql.contracts.base import InDatabase
from paigeant.sql.statements.access import tokens


class SqlAccessTokens(InDatabase, AccessTokens):
    """The contract over a database."""

    async def record_token(self, grant: TokenGrant, digest: str, lifetime: timedelta | None = None) -> StoredToken:
        return await self.database.write(lambda tx: tokens.record(tx, grant, digest, lifetime), News.NOTHING)

    async def list_tokens(self) -> list[StoredToken]:
        return await self.database.read(tokens.every)

    async def find_token(self, digest: str) -> StoredToken | None:
        return await self.database.read(lambda tx: tokens.find(tx, digest))

    async def revoke_token(self, name: str) -> bool:
        return await self.database.write(lambda tx: tokens.revoke(tx, name), News.NOTHING)
