"""Identities by OAuth 2: tokens are verified, sealed, and exchanged, and each answer is compared with its request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json

from paigeant.abc import Admitted, Identities
from paigeant.errors import GrantExpired, IdentityRefused, TamperedMessage
from paigeant.model.secrecy.grants import IssuedToken, SealedGrant, Subject, TokenRequest, handle_of
from paigeant.model.values.json_text import to_json
from paigeant.security.http import GOOD
from paigeant.security.identity.http import Answer, post
from paigeant.security.identity.options import IdentityOptions, IdentityPlaces
from paigeant.security.identity.profiles import ACCESS_TOKEN, JWT, PROFILES, ProviderProfile
from paigeant.security.identity.provider import Provider
from paigeant.security.identity.tokens import UnknownProviderKey, audiences_of, check_times, claims_of, scopes_of
from paigeant.security.sealing.places import Sealed, Sealing
from paigeant.security.sealing.vault import Vault

RIGHT: Final = "identity"
SUBJECT: Final = 255
"""Limit of characters of a subject."""

_PLAIN: Final = ("wf", "iss", "sub", "token")


class OAuthIdentities(Identities):
    """Identities of one provider. An answer counts only if it matches the request claim by claim."""

    def __init__(
        self,
        places: IdentityPlaces,
        *,
        vault: Sealing | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Read the keys; raises ConfigError. No request is made yet."""
        self._options: IdentityOptions = places.options
        self._profile: ProviderProfile = PROFILES[places.options.profile](places.options)
        self._provider = Provider(places.options.issuer, "PAIGEANT_IDENTITY_ISSUER")
        self._vault: Sealing = vault or Vault(places.vault)
        self._now = now

    # -- the subject

    async def admit(self, workflow_id: UUID, token: str) -> Admitted:
        """Verify a token; returns its subject, and the token sealed for this run."""
        subject = await self._subject(token)
        plain = to_json({"wf": str(workflow_id), "iss": subject.iss, "sub": subject.sub, "token": token})
        sealed = self._vault.seal(Sealed.GRANT, plain, [RIGHT])
        handle = handle_of(workflow_id, subject.iss, subject.sub)
        return Admitted(subject, SealedGrant(handle, sealed, subject.expires_at))

    async def _subject(self, token: str) -> Subject:
        """Return the subject of a token; raises IdentityRefused for an invalid token, or another audience."""
        claims = await self._provider.verify(token)
        if claims.get("iss") != self._options.issuer:
            raise IdentityRefused("a token of another issuer")
        if self._options.audience not in audiences_of(claims):
            raise IdentityRefused(f"a token that is not for {self._options.audience!r} (PAIGEANT_IDENTITY_AUDIENCE)")
        expires_at = check_times(claims, self._now())
        sub: Any = claims.get(self._profile.subject)
        if not isinstance(sub, str) or not 0 < len(sub) <= SUBJECT or not sub.isprintable():
            raise IdentityRefused(f"a token whose {self._profile.subject} names nobody")
        return Subject(self._options.issuer, sub, scopes_of(claims, self._profile.scope), expires_at)

    def _open(self, sealed: bytes, asked: TokenRequest) -> str:
        """Return the subject's token; raises TamperedMessage if it was not sealed for this run and its subject."""
        try:
            plain: Any = from_json(self._vault.unseal(Sealed.GRANT, sealed))
            wf, iss, sub, token = (plain[name] for name in _PLAIN)
        except (ValueError, TypeError, KeyError) as error:
            raise TamperedMessage("the grant of the run is none") from error
        if wf != str(asked.workflow_id) or handle_of(asked.workflow_id, iss, sub) != asked.handle:
            raise TamperedMessage(
                "the grant is that of another run, or of another person than the run was dispatched for"
            )
        return token

    # -- the exchange

    async def exchange(self, sealed: bytes, asked: TokenRequest) -> IssuedToken:
        """Return a token for an audience, of the subject of a grant."""
        token = self._open(sealed, asked)
        self._require_good(token)
        try:
            subject = await self._subject(token)
        except UnknownProviderKey as error:
            raise GrantExpired("the token for which the run acts is signed by a key that counts no more") from error
        if handle_of(asked.workflow_id, subject.iss, subject.sub) != asked.handle:
            raise TamperedMessage("the grant's token is that of another person than the run was dispatched for")
        if beyond := sorted(asked.scopes - subject.scopes):
            raise IdentityRefused(f"the run was dispatched without the scope {beyond[0]!r}")
        endpoint = await self._provider.token_endpoint()
        actor = await self._actor(endpoint) if self._options.actor else None
        form = self._profile.form(token, asked.audience, asked.scopes, actor)
        answer = await post(endpoint, form, self._profile.client())
        return await self._believed(self._issued(answer), token, subject, asked)

    def _require_good(self, token: str) -> None:
        """Raise GrantExpired for an expired token, which saves a request."""
        expires: Any = claims_of(token).get("exp")
        if isinstance(expires, int | float) and expires <= self._now().timestamp():
            raise GrantExpired("the token for which the run acts has run out")

    async def _actor(self, endpoint: str) -> str:
        """Return a token of the worker itself."""
        form = self._profile.client_form(self._options.audience)
        return self._issued(await post(endpoint, form, self._profile.client()), exchanged=False)["access_token"]

    def _issued(self, answer: Answer, *, exchanged: bool = True) -> Mapping[str, Any]:
        """Return an answer that contains a token; raises IdentityRefused, and GrantExpired."""
        said = answer.said
        if answer.status != GOOD:
            error = str(said.get("error", answer.status))[:100]
            if exchanged and self._profile.has_run_out(said):
                raise GrantExpired(f"the identity provider does not take the run's token any more: {error}")
            raise IdentityRefused(f"the identity provider denies it: {error}")
        if not isinstance(said.get("access_token"), str) or str(said.get("token_type")).lower() != "bearer":
            raise IdentityRefused("the identity provider answers without a bearer token")
        if said.get("issued_token_type", ACCESS_TOKEN) not in {ACCESS_TOKEN, JWT}:
            raise IdentityRefused("the identity provider answers with another kind of token")
        return said

    async def _believed(
        self, said: Mapping[str, Any], before: str, subject: Subject, asked: TokenRequest
    ) -> IssuedToken:
        """Return the token of an answer that matches the request; raises IdentityRefused with the difference."""
        token, profile = said["access_token"], self._profile
        if token == before:
            raise IdentityRefused("the identity provider gives the run's own token back")
        claims = await self._provider.verify(token) if profile.signs_for_us else claims_of(token)
        if profile.signs_for_us and claims.get("iss") != self._options.issuer:
            raise IdentityRefused("the answer is a token of another issuer")
        if not profile.is_audience(asked.audience, audiences_of(claims)):
            raise IdentityRefused(f"the answer is not for {asked.audience!r}")
        if claims.get(profile.subject) != subject.sub:
            raise IdentityRefused("the answer is a token of somebody else")
        given = scopes_of(claims, profile.scope) | profile.scopes(str(said.get("scope") or ""), asked.audience)
        if beyond := sorted(given - asked.scopes - self._options.ignored_scopes):
            raise IdentityRefused(f"the answer has the scope {beyond[0][:100]!r}, which was not asked for")
        return IssuedToken(token, min(check_times(claims, self._now()), self._life(said)))

    def _life(self, said: Mapping[str, Any]) -> datetime:
        seconds: Any = said.get("expires_in")
        known = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 10**9
        return self._now() + timedelta(seconds=seconds) if known else datetime.max.replace(tzinfo=UTC)
