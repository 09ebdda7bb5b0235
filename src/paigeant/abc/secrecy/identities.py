"""The contract of identities: who vouches for a person, and exchanges what stands for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol
from uuid import UUID

from paigeant.model.secrecy.grants import IssuedToken, SealedGrant, Subject, TokenRequest


class Admitted(NamedTuple):
    """A subject whose token was found good, and the token, sealed for one run."""

    subject: Subject
    grant: SealedGrant


class Identities(ABC):
    """One identity provider. Neither a token nor a client secret is in the text of any error it raises."""

    @abstractmethod
    async def admit(self, workflow_id: UUID, token: str) -> Admitted:
        """Return whose token it is, and the token sealed for this run.

        Raises ``IdentityRefused`` for one that is not the provider's, not for us, or over; ``IdentityUnavailable``
        while the provider does not answer; and ``ConfigError`` if no key may read grants.
        """

    @abstractmethod
    async def exchange(self, sealed: bytes, asked: TokenRequest) -> IssuedToken:
        """Return a token for an audience, of the subject of a grant, and of nobody else.

        Raises ``IdentityRefused`` for what is asked beyond the subject's scopes, what the provider denies, and an
        answer that is not what was asked for; ``GrantExpired`` once the subject's token has run out;
        ``IdentityUnavailable`` while the provider does not answer; and ``TamperedMessage`` for a grant that is not this
        run's.
        """


class IdentityAccess(Protocol):
    """The identity for which a running step acts; for its context."""

    async def token(self, audience: str, scopes: frozenset[str]) -> str:
        """Return a token for an audience, good for 30 seconds at least, exchanged once for the step.

        A step whose run's identity has run out ends here, and waits until a person has signed in again. Raises
        ``IdentityRefused`` and ``IdentityUnavailable``.
        """
        ...
