"""Access: who may do what. On loopback all may do all; elsewhere nothing is answered to a stranger."""

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
"""Characters of a token, at least."""

SESSION: Final = 12 * 3600.0
"""Seconds for which a browser stays signed in."""

KNOWN: Final = 5.0
"""Seconds for which it is not asked again whose a token is: so long one counts after it was revoked."""

_SESSIONS: Final = 1_000
"""Sessions that are kept; the oldest go first."""


class Role(IntEnum):
    """What somebody may do: each role may do what those before it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody: the name that deeds are written under, and what they may. ``payloads``: see inputs and outputs.

    If ``workflows`` are named, of runs of these alone, and of nothing that is not of one workflow.
    """

    name: str
    role: Role
    payloads: bool = True
    workflows: tuple[str, ...] = ()


LOCAL: Final = Identity("local", Role.ADMIN)
"""Whoever has reached a server that listens on loopback only."""


class SignInProvider(Protocol):
    """Where people sign in, and whose access tokens programs may come with. Refusals are IdentityRefused."""

    @property
    def name(self) -> str:
        """How people are shown it."""
        ...

    async def address(self, attempt: Any) -> str:
        """Return where a browser is sent to sign in."""
        ...

    async def finish(self, attempt: Any, answer: Mapping[str, str]) -> Identity:
        """Return who has signed in, by what the browser came back with."""
        ...

    async def by_access_token(self, token: str) -> Identity | None:
        """Return whose access token this is, None if it is none for this server."""
        ...


def read_tokens(text: str) -> dict[str, Identity]:
    """Return the identities of ``PAIGEANT_API_TOKEN`` by the SHA-256 of their tokens.

    One token is that of an admin. Several are parted by commas, each as ``role:name:token``; ``viewer!`` is a viewer
    who also sees payloads. Raises ConfigError, which never shows a token.
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
    """Who may: ``tokens`` by digest, and whether the server is ``local``, so that everybody who reaches it may do all.

    ``stored`` finds further tokens by their digests; what it says holds for seconds. ``openid`` says whose an access
    token is. Sessions and form tokens hold for this process. A session ends with the token that began it.
    """

    tokens: Mapping[str, Identity] = field(default_factory=dict[str, Identity])
    local: bool = True
    stored: Callable[[str], Awaitable[StoredToken | None]] | None = None
    openid: SignInProvider | None = None
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """Signs what this process alone must recognise."""
    _sessions: dict[str, tuple[str | Identity, float]] = field(
        default_factory=dict[str, "tuple[str | Identity, float]"], repr=False
    )
    _known: dict[str, tuple[Identity | None, float]] = field(
        default_factory=dict[str, "tuple[Identity | None, float]"], repr=False
    )

    async def by_token(self, token: str) -> Identity | None:
        """Return whose token it is; raises Unavailable if that rests in a store, or with a provider, that is away."""
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
        """Return a new session, to be kept in a cookie; None for what is no token of this server."""
        digest = token_digest(token)
        return None if await self._by_digest(digest) is None else self.begin_session(digest)

    def begin_session(self, whose: str | Identity) -> str:
        """Return a new session: of whoever has signed in elsewhere, or of the token with this digest."""
        while len(self._sessions) >= _SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        session = secrets.token_urlsafe(32)
        self._sessions[session] = whose, monotonic() + SESSION
        return session

    async def by_session(self, session: str) -> Identity | None:
        """Return who has signed in."""
        whose, until = self._sessions.get(session, ("", 0.0))
        if until <= monotonic():
            return None
        return whose if isinstance(whose, Identity) else await self._by_digest(whose)

    def sign_out(self, session: str) -> None:
        """End a session."""
        self._sessions.pop(session, None)

    def form_token(self, session: str) -> str:
        """Return what a form must carry, so that no page elsewhere can send it."""
        return hmac.new(self.secret, session.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, session: str, given: str) -> bool:
        """Tell whether a form carries what it must."""
        return hmac.compare_digest(self.form_token(session).encode(), given.encode(errors="replace"))


def _identity(token: StoredToken) -> Identity:
    return Identity(token.name, Role[token.role.name], token.payloads, token.workflows)


def _is_jwt(token: str) -> bool:
    return token.count(".") == 2  # noqa: PLR2004  (header, claims and signature)
