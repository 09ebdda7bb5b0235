"""OpenID provider: sign-in of people (code with PKCE), and its access tokens for programs.

OpenID Connect Core 1.0, 3.1, and RFC 7636, 9068 and 9207. Only data signed by its keys is trusted; permissions follow
from one claim, whose values are compared exactly.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast
from urllib.parse import quote, urlencode

from paigeant.config.sign_in import SignInSettings
from paigeant.errors import ConfigError, IdentityRefused
from paigeant.security.http import GOOD
from paigeant.security.identity.http import post
from paigeant.security.identity.provider import Provider
from paigeant.security.identity.tokens import audiences_of, check_times
from paigeant.web.access import Identity, Role
from paigeant.web.sign_in.attempt import Attempt

SCOPE: Final = "openid profile email"
NAME: Final = 200
"""Limit of characters of a name."""


def choose_provider(settings: SignInSettings) -> OpenIdProvider | None:
    """Return the configured provider, None without one; raises ConfigError for an incomplete configuration."""
    given = [name for name in SignInSettings.model_fields if name in settings.model_fields_set]
    if settings.oidc_issuer is None and given:
        raise ConfigError(f"PAIGEANT_{given[0].upper()} is set, and PAIGEANT_OIDC_ISSUER is not")
    return None if settings.oidc_issuer is None else OpenIdProvider(settings)


class OpenIdProvider:
    """Identifies people, and their permissions, by tokens that the provider has signed."""

    def __init__(self, settings: SignInSettings) -> None:
        """Use the provider of these settings; raises ConfigError for missing ones. No request is made yet."""
        if settings.oidc_issuer is None or settings.oidc_client_id is None:
            raise ConfigError("PAIGEANT_OIDC_ISSUER and PAIGEANT_OIDC_CLIENT_ID are needed to sign people in")
        self._roles = {
            value: role
            for role, value in (
                (Role.VIEWER, settings.oidc_viewer),
                (Role.OPERATOR, settings.oidc_operator),
                (Role.ADMIN, settings.oidc_admin),
            )
            if value is not None
        }
        if not self._roles:
            raise ConfigError(
                "nobody could sign in: set PAIGEANT_OIDC_ADMIN, _OPERATOR or _VIEWER to a value of a role"
            )
        self._settings = settings
        self._issuer: str = settings.oidc_issuer
        self._client_id: str = settings.oidc_client_id
        self._provider = Provider(settings.oidc_issuer, "PAIGEANT_OIDC_ISSUER")

    @property
    def name(self) -> str:
        """The issuer, as shown on the sign-in page."""
        return self._issuer.partition("://")[2].rstrip("/")

    async def address(self, attempt: Attempt) -> str:
        """Return the sign-in address for a browser; raises IdentityRefused and IdentityUnavailable."""
        endpoint = await self._provider.authorization_endpoint()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": SCOPE,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def finish(self, attempt: Attempt, answer: Mapping[str, str]) -> Identity:
        """Return the signed-in identity, by the provider's answer; raises IdentityRefused and IdentityUnavailable."""
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise IdentityRefused("this answer is not to the question that was asked; sign in once more")
        if answer.get("iss", self._issuer) != self._issuer:  # RFC 9207: an answer of another provider
            raise IdentityRefused("the answer comes from another provider")
        if "error" in answer or not answer.get("code"):
            raise IdentityRefused(f"the provider has not signed you in: {answer.get('error', 'no code')[:100]}")
        claims = await self._provider.verify(await self._id_token(attempt, answer["code"]))
        self._require(claims, self._client_id, "the provider's answer")
        if len(audiences_of(claims)) > 1 and claims.get("azp") != self._client_id:
            raise IdentityRefused("the provider's answer is meant for another client as well")
        nonce: Any = claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), attempt.nonce.encode()):
            raise IdentityRefused("the provider's answer belongs to another sign-in")
        return self._identity(claims)

    async def _id_token(self, attempt: Attempt, code: str) -> str:
        secret = self._settings.oidc_client_secret
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        client = None if secret is None else (quote(self._client_id, safe=""), quote(secret, safe=""))
        if client is None:
            form["client_id"] = self._client_id
        answer = await post(await self._provider.token_endpoint(), form, client)
        token: Any = answer.said.get("id_token")
        if answer.status != GOOD or not isinstance(token, str):
            why = str(answer.said.get("error", answer.status if answer.status != GOOD else "no id_token"))[:100]
            raise IdentityRefused(f"the provider has not taken the code: {why}")
        return token

    async def by_access_token(self, token: str) -> Identity | None:
        """Return the identity of an access token, None for another server's; raises IdentityUnavailable."""
        audience = self._settings.oidc_audience
        if audience is None:
            return None
        try:
            claims = await self._provider.verify(token)
            if "nonce" in claims or claims.get("typ") in {"ID", "Refresh"}:
                return None  # an ID token identifies a person, and is not valid for access
            self._require(claims, audience, "the token")
            return self._identity(claims)
        except IdentityRefused:
            return None

    def _require(self, claims: Mapping[str, Any], audience: str, what: str) -> None:
        if claims.get("iss") != self._issuer or audience not in audiences_of(claims):
            raise IdentityRefused(f"{what} is not of the provider, or not for this server")
        check_times(claims, datetime.now(UTC))

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        """Return the identity of claims, with their highest role; raises IdentityRefused without one."""
        name = _name_of(claims)
        values = _values(claims, self._settings.oidc_claim)
        roles = [role for value, role in self._roles.items() if value in values]
        if not roles:
            claim = self._settings.oidc_claim
            raise IdentityRefused(f"{name} has signed in, and may nothing here: no role of theirs is in {claim!r}")
        role = max(roles)
        return Identity(name, role, role > Role.VIEWER or self._settings.oidc_payloads in values)


def _name_of(claims: Mapping[str, Any]) -> str:
    """Return the name for deeds: a verified e-mail address, else the subject; never a name that users choose."""
    verified = claims.get("email") if claims.get("email_verified") is True else None
    for found in (verified, claims.get("sub")):
        if isinstance(found, str) and 0 < len(found) <= NAME and found.isprintable():
            return found
    raise IdentityRefused("the provider does not say who this is")


def _values(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """Return the values of a claim: of this exact name, else along its dots, as Keycloak's realm_access.roles."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for part in claim.split("."):
            found = cast("dict[str, Any]", found).get(part) if isinstance(found, dict) else None
    several: list[Any] = cast("list[Any]", found) if isinstance(found, list) else [found]
    return frozenset(each for each in several if isinstance(each, str))
