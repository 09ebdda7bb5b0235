"""Grants: the sealed identity of a run. Messages contain a name that anybody can verify."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple, Self, cast
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from paigeant.model.values.digests import digest_of
from paigeant.model.values.showing import shown

HANDLE: Final = r"^grant:[A-Za-z0-9_-]{43}$"
"""Form of ``obo_token``: the name of a grant, never a token."""

SCOPE: Final = r"[\x21\x23-\x5b\x5d-\x7e]{1,255}"
"""A scope (RFC 6749, 3.3)."""

SCOPES: Final = 100
"""Limit of scopes, or audiences, in one list."""

Scope = Annotated[str, StringConstraints(pattern=f"^{SCOPE}$")]
Audience = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x20\x7f]+$")]


def handle_of(workflow_id: UUID, iss: str, sub: str) -> str:
    """Return the name of the grant of a subject in a run.

    It commits to the run, the issuer and the subject: a grant of another run, or of somebody else, cannot replace it,
    and a renewed grant has the same name.
    """
    whose = f"{workflow_id}\n{iss}\n{sub}".encode()
    return f"grant:{digest_of(whose)}"


class SealedGrant(NamedTuple):
    """Grant as stored: its name, the subject's token as a JWE, and its expiry."""

    handle: str
    sealed: bytes
    expires_at: datetime


class GrantAnswer(NamedTuple):
    """Answer of a store to a query under a lease: whether the lease is alive, and the grant, if present.

    The ``sealed`` text is returned as stored, even if it was edited.
    """

    alive: bool
    sealed: bytes | None = None


class Subject(NamedTuple):
    """Subject of a run: issuer, subject, scopes and expiry."""

    iss: str
    sub: str
    scopes: frozenset[str]
    expires_at: datetime


class TokenRequest(NamedTuple):
    """Request of a step: a token for one audience, with these scopes, for the subject of a dispatched run."""

    workflow_id: UUID
    handle: str
    audience: str
    scopes: frozenset[str]


class IssuedToken(NamedTuple):
    """Token for one audience, and its expiry."""

    value: str
    expires_at: datetime

    def __repr__(self) -> str:
        """Show the expiry only."""
        return f"IssuedToken(***, expires_at={self.expires_at.isoformat()})"


class IdentityPolicy(BaseModel, frozen=True, extra="forbid"):
    """Audiences for which steps of a workflow may request tokens, and the permitted scopes of each."""

    audiences: dict[Audience, tuple[Scope, ...]] = Field(max_length=SCOPES)

    @classmethod
    def read(cls, given: Any) -> Self | None:
        """Return the policy of ``{audience: scopes}``; raises ValueError for an invalid one."""
        if given is None:
            return None
        if not isinstance(given, Mapping):
            text = f"identity is {shown(given)}; it should be {{'crm': ['read']}}: audiences, with scopes"
            raise ValueError(text)  # noqa: TRY004  (whatever is wrong with a declaration is the same)
        several = cast("Mapping[Any, Any]", given).items()
        said = {name: [each] if isinstance(each, str) else each for name, each in several}
        return cls.model_validate({"audiences": said})

    def narrowed(self, inner: IdentityPolicy | None) -> IdentityPolicy:
        """Return what this and another policy both allow; all of this, if there is no other."""
        if inner is None:
            return self
        both = {name: scopes for name, scopes in self.audiences.items() if name in inner.audiences}
        return IdentityPolicy(
            audiences={
                name: tuple(scope for scope in scopes if scope in inner.audiences[name])
                for name, scopes in both.items()
            }
        )

    def lacks(self, audience: str, scopes: frozenset[str]) -> str | None:
        """Return the missing permission in words; None if everything is allowed."""
        if audience not in self.audiences:
            return f"the workflow's identity does not name the audience {audience!r}"
        missing = sorted(scopes.difference(self.audiences[audience]))
        return f"the workflow's identity does not allow {missing[0]!r} at {audience!r}" if missing else None
