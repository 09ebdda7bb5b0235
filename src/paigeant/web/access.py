"""Access control: permissions by token or sign-in. Loopback permits everything; elsewhere an identity is required."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from time import monotonic
from typing import Any, Final, Protocol

from paigeant.errors import ConfigError
from paigeant.model.stored.access_tokens import StoredToken, token_digest

SHORTEST: Final = 16
"""Minimum of characters of a token."""

SESSION: Final = 12 * 3600.0
"""Lifetime of a browser's session in seconds."""

KNOWN: Final = 5.0
"""Seconds for which a token lookup is cached: a revoked token counts that much longer."""

_SESSIONS: Final = 1_000
"""Limit of sessions; the oldest are dropped first."""


class Role(IntEnum):
    """Roles: each includes those before it."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Identity:
    """Caller: the name in deeds, the role, and ``payloads``, the permission to see inputs and outputs.

    With ``workflows`` it is limited to runs of these, and excludes things that belong to no single workflow.
    """

    name: str
    role: Role
    payloads: bool = True
    workflows: tuple[str, ...] = ()


LOCAL: Final = Identity("local", Role.ADMIN)
"""Identity of all callers of a server that listens on loopback only."""


class SignInProvider(Protocol):
    """Provider of sign-in for people, and of access tokens for programs. Refusals are IdentityRefused."""

    @property
    def name(self) -> str:
        """Display name."""
        ...

    async def address(self, attempt: Any) -> str:
        """Return the address to which a browser is sent for sign-in."""
        ...

    async def finish(self, attempt: Any, answer: Mapping[str, str]) -> Identity:
        """Return the identity of the person, from the parameters with which the browser returned."""
        ...

    async def by_access_token(self, token: str) -> Identity | None:
        """Return the identity of an access token, None if it is not for this server."""
        ...


def read_tokens(text: str) -> dict[str, Identity]:
    """Return the identities of ``PAIGEANT_API_TOKEN`` by the SHA-256 of their tokens.

    A single token is that of an admin. Several are separated by commas, each as ``role:name:token``; ``viewer!`` is a
    viewer who also sees payloads. Raises ConfigError, which never shows a token.
    """
    found: dict[str, Identity] = {}
    for number, part in enumerate(text.split(","), start=1):
        role, _, rest = part.strip().partition(":")
        name, _, token = rest.partition(":")
        if not rest:
            role, name, token = "admin", "admin", part.strip()
        payloads = role.endswith("!") or role != "viewer"
        known = {each.name.lower(): each for each in Role}.get(role.removesuffix("!"))
        if known is None or not name or len(token) < SHORTEST:
            raise ConfigError(
                f"PAIGEANT_API_TOKEN: entry {number} should be a token of {SHORTEST} characters or more, or "
                "role:name:token with the role viewer, viewer! (sees payloads), operator or admin"
            )
        found[token_digest(token)] = Identity(name, known, payloads)
    return found


@dataclass(slots=True)
class Access:
    """Access rules: ``tokens`` by digest, and ``local``: every caller that reaches the server may do everything.

    ``stored`` looks up further tokens by digest; its answers are cached for seconds. ``openid`` identifies access
    tokens. Sessions and form tokens are valid for this process. A session ends with the token that began it.
    """

    tokens: Mapping[str, Identity] = field(default_factory=dict[str, Identity])
    local: bool = True
    stored: Callable[[str], Awaitable[StoredToken | None]] | None = None
    openid: SignInProvider | None = None
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """Key of values that only this process must recognise."""
    _sessions: dict[str, tuple[str | Identity, float]] = field(
        default_factory=dict[str, "tuple[str | Identity, float]"], repr=False
    )
    _known: dict[str, tuple[Identity | None, float]] = field(
        default_factory=dict[str, "tuple[Identity | None, float]"], repr=False
    )

    async def by_token(self, token: str) -> Identity | None:
        """Return the identity of a token; raises Unavailable if its store or provider is unavailable."""
        identity = await self._by_digest(token_digest(token))
        if identity is None and self.openid is not None and _is_jwt(token):
            identity = await self.openid.by_access_token(token)
        return identity

    async def _by_digest(self, asked: str) -> Identity | None:
        found = next((who for digest, who in self.tokens.items() if hmac.compare_digest(digest, asked)), None)
        if found is not None or self.stored is None:
            return found
        identity, until = self._known.get(asked, (None, 0.0))
        if until > monotonic():
            return identity
        token = await self.stored(asked)
        identity = None if token is None else _identity(token)
        while len(self._known) >= _SESSIONS:
            del self._known[next(iter(self._known))]
        self._known[asked] = identity, monotonic() + KNOWN
        return identity

    async def sign_in(self, token: str) -> str | None:
        """Return a new session for a cookie; None for an invalid token."""
        digest = token_digest(token)
        return None if await self._by_digest(digest) is None else self.begin_session(digest)

    def begin_session(self, whose: str | Identity) -> str:
        """Return a new session: of an identity signed in elsewhere, or of the token with this digest."""
        while len(self._sessions) >= _SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        session = secrets.token_urlsafe(32)
        self._sessions[session] = whose, monotonic() + SESSION
        return session

    async def by_session(self, session: str) -> Identity | None:
        """Return the identity of a session."""
        whose, until = self._sessions.get(session, ("", 0.0))
        if until <= monotonic():
            return None
        return whose if isinstance(whose, Identity) else await self._by_digest(whose)

    def sign_out(self, session: str) -> None:
        """End a session."""
        self._sessions.pop(session, None)

    def form_token(self, session: str) -> str:
        """Return the token that forms must contain, so that no page elsewhere can send one."""
        return hmac.new(self.secret, session.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, session: str, given: str) -> bool:
        """True if this is the session's form token."""
        return hmac.compare_digest(self.form_token(session).encode(), given.encode(errors="replace"))


def _identity(token: StoredToken) -> Identity:
    return Identity(token.name, Role[token.role.name], token.payloads, token.workflows)


def _is_jwt(token: str) -> bool:
    return token.count(".") == 2  # noqa: PLR2004  (header, claims and signature)
