"""Grants: the identity for which a run acts, kept sealed. What travels is a name of it that anybody can check."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple, Self, cast
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from paigeant.model.values.digests import digest_of
from paigeant.model.values.showing import shown

HANDLE: Final = r"^grant:[A-Za-z0-9_-]{43}$"
"""What ``obo_token`` may be: the name of a grant, never a token."""

SCOPE: Final = r"[\x21\x23-\x5b\x5d-\x7e]{1,255}"
"""A scope (RFC 6749, 3.3)."""

SCOPES: Final = 100
"""Scopes, or audiences, that are named together, at most."""

Scope = Annotated[str, StringConstraints(pattern=f"^{SCOPE}$")]
Audience = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x20\x7f]+$")]


def handle_of(workflow_id: UUID, iss: str, sub: str) -> str:
    """Return the name of the grant of a subject in a run.

    It commits to the run, the issuer and the subject: so a grant of another run, or of somebody else, is not taken for
    it, whoever has put it into the store, and a renewed grant has the same name.
    """
    whose = f"{workflow_id}\n{iss}\n{sub}".encode()
    return f"grant:{digest_of(whose)}"


class SealedGrant(NamedTuple):
    """A grant as it is kept: its name, the subject's token as a JWE, and when that runs out."""

    handle: str
    sealed: bytes
    expires_at: datetime


class GrantAnswer(NamedTuple):
    """What a store says to who asks for a grant under a lease: whether that is alive, and the grant, if one is there.

    The ``sealed`` text is as it lies there, whatever somebody has made of it.
    """

    alive: bool
    sealed: bytes | None = None


class Subject(NamedTuple):
    """For whom a run acts: who says so, who it is, what it may ask for, and until when."""

    iss: str
    sub: str
    scopes: frozenset[str]
    expires_at: datetime


class TokenRequest(NamedTuple):
    """What a step asks for: a token for one audience, with these scopes, of the subject of its run."""

    workflow_id: UUID
    handle: str
    audience: str
    scopes: frozenset[str]


class IssuedToken(NamedTuple):
    """A token for one audience, and when it runs out."""

    value: str
    expires_at: datetime

    def __repr__(self) -> str:
        """Show when it runs out alone."""
        return f"IssuedToken(***, expires_at={self.expires_at.isoformat()})"


class IdentityPolicy(BaseModel, frozen=True, extra="forbid"):
    """For which audiences the steps of a workflow may ask for tokens, and with which scopes at most."""

    audiences: dict[Audience, tuple[Scope, ...]] = Field(max_length=SCOPES)

    @classmethod
    def read(cls, given: Any) -> Self | None:
        """Return the policy of ``{audience: scopes}``; raises ValueError for what is none."""
        if given is None:
            return None
        if not isinstance(given, Mapping):
            text = f"identity is {shown(given)}; it should be {{'crm': ['read']}}: audiences, with scopes"
            raise ValueError(text)  # noqa: TRY004  (whatever is wrong with a declaration is the same)
        several = cast("Mapping[Any, Any]", given).items()
        said = {name: [each] if isinstance(each, str) else each for name, each in several}
        return cls.model_validate({"audiences": said})

    def lacks(self, audience: str, scopes: frozenset[str]) -> str | None:
        """Return what of this is not allowed, in words; None if all of it is."""
        if audience not in self.audiences:
            return f"the workflow's identity does not name the audience {audience!r}"
        missing = sorted(scopes.difference(self.audiences[audience]))
        return f"the workflow's identity does not allow {missing[0]!r} at {audience!r}" if missing else None
