"""Statements of access tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, select

from paigeant.errors import WrongState
from paigeant.model.stored.access_tokens import StoredToken, TokenGrant, TokenRole
from paigeant.model.stored.words import read_word
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.installation import access_tokens

_c: Final = access_tokens.c
_NAMESPACE: Final = _c.namespace == bindparam("namespace")
_ALL: Final = select(access_tokens).where(_NAMESPACE).order_by(_c.name)
_OF_NAME: Final = select(_c.name).where(_NAMESPACE, _c.name == bindparam("name"))
_OF_DIGEST: Final = select(access_tokens).where(_NAMESPACE, _c.digest == bindparam("digest"))
_REVOKE: Final = delete(access_tokens).where(_NAMESPACE, _c.name == bindparam("name"))


def record(tx: Tx, grant: TokenGrant, digest: str, lifetime: timedelta | None) -> StoredToken:
    """Store a token; raises WrongState for a name that has one."""
    if tx.rows(_OF_NAME, namespace=tx.namespace, name=grant.name):
        raise WrongState(f"{grant.name} has a token already: revoke that first")
    until = None if lifetime is None else tx.now + lifetime
    token = StoredToken(**grant.model_dump(), created_at=tx.now, expires_at=until)
    tx.add(access_tokens, [{"namespace": tx.namespace, "digest": digest, **token.model_dump()}])
    return token


def every(tx: Tx) -> list[StoredToken]:
    """Return all tokens."""
    return [_token(row) for row in tx.rows(_ALL, namespace=tx.namespace)]


def find(tx: Tx, digest: str) -> StoredToken | None:
    """Return a token by its digest, unless it has expired."""
    found = [_token(row) for row in tx.rows(_OF_DIGEST, namespace=tx.namespace, digest=digest)]
    return next((token for token in found if token.expires_at is None or token.expires_at > tx.now), None)


def revoke(tx: Tx, name: str) -> bool:
    """Delete a token."""
    return tx.connection.execute(_REVOKE, {"namespace": tx.namespace, "name": name}).rowcount > 0


def _token(row: Any) -> StoredToken:
    role = read_word(TokenRole, row.role, TokenRole.VIEWER)  # an edited row grants no more than this
    return StoredToken.model_validate({name: getattr(row, name) for name in StoredToken.model_fields} | {"role": role})
