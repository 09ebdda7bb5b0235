"""Contract of identities: verification and exchange of a person's tokens at an identity provider."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol
from uuid import UUID

from paigeant.model.secrecy.grants import IssuedToken, SealedGrant, Subject, TokenRequest


class Admitted(NamedTuple):
    """A subject whose token was verified, and the token, sealed for one run."""

    subject: Subject
    grant: SealedGrant


class Identities(ABC):
    """One identity provider. No error text contains a token or a client secret."""

    @abstractmethod
    async def admit(self, workflow_id: UUID, token: str) -> Admitted:
        """Verify a token; returns its subject, and the token sealed for this run.

        Raises ``IdentityRefused`` for a token that is not the provider's, is not for this audience, or has expired;
        ``IdentityUnavailable`` while the provider does not answer; and ``ConfigError`` if no key may read grants.
        """

    @abstractmethod
    async def exchange(self, sealed: bytes, asked: TokenRequest) -> IssuedToken:
        """Exchange a grant for a token for an audience, for the grant's subject and nobody else.

        Raises ``IdentityRefused`` for a request beyond the subject's scopes, a refusal by the provider, and an answer
        that differs from the request; ``GrantExpired`` once the subject's token has expired; ``IdentityUnavailable``
        while the provider does not answer; and ``TamperedMessage`` for a grant of another run.
        """


class IdentityAccess(Protocol):
    """Identity on whose behalf a running step acts; for its context."""

    async def token(self, audience: str, scopes: frozenset[str]) -> str:
        """Return a token for an audience, valid for at least 30 seconds, exchanged once for the step.

        If the identity of the run has expired, the step ends here, and waits until a person has signed in again. Raises
        ``IdentityRefused`` and ``IdentityUnavailable``.
        """
        ...
