"""Access tokens, grants and signing keys: contract methods over rows in memory."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from paigeant.abc import AccessTokens, Grants, SigningKeys
from paigeant.errors import WrongState
from paigeant.model.custody.keys import PublishedKey, StoredKey
from paigeant.model.hops import LeaseToken
from paigeant.model.people.deeds import Deed
from paigeant.model.secrecy.grants import GrantAnswer, SealedGrant
from paigeant.model.stored.access_tokens import StoredToken, TokenGrant
from paigeant.protocol import leases
from paigeant.protocol.people import grants
from paigeant.stores.memory.access.grants import hasten_granted, open_within
from paigeant.stores.memory.custody import keep_deeds
from paigeant.stores.memory.operator import find
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


class MemoryGrants(Grants):
    """The contract over rows in memory."""

    _rows: Rows

    async def load_grant(self, held: LeaseToken, owner: str, run: UUID) -> GrantAnswer:
        of_hop, hop = self._rows.runs.get(held.key.workflow_id), self._rows.hop(held.key)
        alive = leases.is_alive(hop, held.fence) and hop is not None and hop.owner == owner
        if of_hop is None or of_hop.completed_at is not None or not alive:
            return GrantAnswer(alive=False)
        granted = self._rows.runs.get(run)
        return GrantAnswer(alive=True, sealed=granted.grant[0].sealed if granted and granted.grant else None)

    async def renew_grant(self, workflow_id: UUID, grant: SealedGrant, *, deed: Deed | None = None) -> int:
        run = find(self._rows, workflow_id)
        grants.require_open(run)
        run.grant = grant, self._rows.clock()
        keep_deeds(self._rows, deed)
        hops = [hop for one in open_within(self._rows, workflow_id) for hop in one.twins.values()]
        hastened = sum(hasten_granted(self._rows, workflow_id, hop) for hop in hops)
        self._rows.changes.note()
        return hastened


class MemorySigningKeys(SigningKeys):
    """The contract over rows in memory."""

    _rows: Rows

    async def record_keys(self, keys: Sequence[PublishedKey]) -> None:
        for key in keys:
            self._rows.signing_keys.setdefault(key.kid, StoredKey(key, self._rows.clock()))

    async def find_keys(self, kids: Collection[str]) -> list[StoredKey]:
        return [self._rows.signing_keys[kid] for kid in sorted(kids) if kid in self._rows.signing_keys]

    async def list_keys(self, *, limit: int = 1_000) -> list[StoredKey]:
        found = sorted(self._rows.signing_keys.values(), key=lambda stored: stored.key.kid)
        return sorted(found, key=lambda stored: stored.at, reverse=True)[:limit]
