"""Access: who may do what. On loopback all may do all; elsewhere nothing is answered without a token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from time import monotonic
from typing import Final

from paigeant.errors import ConfigError
from paigeant.model.stored.access_tokens import StoredToken, token_digest

SHORTEST: Final = 16
"""Characters of a token, at least."""

_SESSION: Final = 12 * 3600.0
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
    """Somebody: the name that deeds are written under, and what they may. ``payloads``: see inputs and outputs."""

    name: str
    role: Role
    payloads: bool = True


LOCAL: Final = Identity("local", Role.ADMIN)
"""Whoever has reached a server that listens on loopback only."""


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

    ``stored`` finds further tokens by their digests; what it says holds for seconds. Sessions and form tokens hold for
    this process; a session ends with its token.
    """

    tokens: Mapping[str, Identity] = field(default_factory=dict[str, Identity])
    local: bool = True
    stored: Callable[[str], Awaitable[StoredToken | None]] | None = None
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _sessions: dict[str, tuple[str, float]] = field(default_factory=dict[str, "tuple[str, float]"])
    _known: dict[str, tuple[Identity | None, float]] = field(default_factory=dict[str, "tuple[Identity | None, float]"])

    async def by_token(self, token: str) -> Identity | None:
        """Return whose token it is; raises Unavailable if that rests in a store that is away."""
        return await self._by_digest(token_digest(token))

    async def _by_digest(self, asked: str) -> Identity | None:
        found = next((who for digest, who in self.tokens.items() if hmac.compare_digest(digest, asked)), None)
        if found is not None or self.stored is None:
            return found
        identity, until = self._known.get(asked, (None, 0.0))
        if until > monotonic():
            return identity
        token = await self.stored(asked)
        identity = None if token is None else Identity(token.name, Role[token.role.name], token.payloads)
        while len(self._known) >= _SESSIONS:
            del self._known[next(iter(self._known))]
        self._known[asked] = identity, monotonic() + KNOWN
        return identity

    async def sign_in(self, token: str) -> str | None:
        """Return a new session, to be kept in a cookie; None for what is no token."""
        if await self.by_token(token) is None:
            return None
        while len(self._sessions) >= _SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        session = secrets.token_urlsafe(32)
        self._sessions[session] = token_digest(token), monotonic() + _SESSION
        return session

    async def by_session(self, session: str) -> Identity | None:
        """Return who has signed in."""
        digest, until = self._sessions.get(session, ("", 0.0))
        return await self._by_digest(digest) if until > monotonic() else None

    def sign_out(self, session: str) -> None:
        """End a session."""
        self._sessions.pop(session, None)

    def form_token(self, session: str) -> str:
        """Return what a form must carry, so that no page elsewhere can send it."""
        return hmac.new(self._secret, session.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, session: str, given: str) -> bool:
        """Tell whether a form carries what it must."""
        return hmac.compare_digest(self.form_token(session).encode(), given.encode(errors="replace"))
