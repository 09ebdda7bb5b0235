"""Access tokens, grants and signing keys: contract methods over a database."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from paigeant.abc import AccessTokens, Grants, SigningKeys
from paigeant.aio.changes import News
from paigeant.model.custody.keys import PublishedKey, StoredKey
from paigeant.model.hops import LeaseToken
from paigeant.model.people.deeds import Deed
from paigeant.model.secrecy.grants import GrantAnswer, SealedGrant
from paigeant.model.stored.access_tokens import StoredToken, TokenGrant
from paigeant.sql.contracts.base import InDatabase
from paigeant.sql.statements import operate
from paigeant.sql.statements.access import tokens
from paigeant.sql.statements.custody import grants, signing_keys


class SqlAccess(InDatabase, AccessTokens, Grants, SigningKeys):
    """Contract methods over a database."""

    async def record_token(self, grant: TokenGrant, digest: str, lifetime: timedelta | None = None) -> StoredToken:
        return await self.database.write(lambda tx: tokens.record(tx, grant, digest, lifetime), News.NOTHING)

    async def list_tokens(self) -> list[StoredToken]:
        return await self.database.read(tokens.every)

    async def find_token(self, digest: str) -> StoredToken | None:
        return await self.database.read(lambda tx: tokens.find(tx, digest))

    async def revoke_token(self, name: str) -> bool:
        return await self.database.write(lambda tx: tokens.revoke(tx, name), News.NOTHING)

    async def load_grant(self, held: LeaseToken, owner: str, run: UUID) -> GrantAnswer:
        return await self.database.read(lambda tx: grants.load_grant(tx, held, owner, run), single=True)

    async def renew_grant(self, workflow_id: UUID, grant: SealedGrant, *, deed: Deed | None = None) -> int:
        here = await self.database.write(
            lambda tx: grants.renew_grant(tx, operate.find(tx, workflow_id), grant, deed), News.WORK
        )
        return here + await self.database.write(lambda tx: grants.hasten_within(tx, workflow_id), News.WORK)

    async def record_keys(self, keys: Sequence[PublishedKey]) -> None:
        await self.database.write(lambda tx: signing_keys.keep_keys(tx, keys), News.NOTHING)

    async def find_keys(self, kids: Collection[str]) -> list[StoredKey]:
        return await self.database.read(lambda tx: signing_keys.find_keys(tx, kids))

    async def list_keys(self, *, limit: int = 1_000) -> list[StoredKey]:
        return await self.database.read(lambda tx: signing_keys.list_keys(tx, limit))
