"""Provider profiles: form of the token request, and names in the answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote

from paigeant.security.identity.options import IdentityOptions, Profile

ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  (a name)
JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ON_BEHALF_OF: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class ProviderProfile(ABC):
    """Differences between providers. The requirements for an answer are the same for all."""

    subject: ClassVar[str] = "sub"
    """Claim that identifies a person in every token."""
    scope: ClassVar[str] = "scope"
    """Claim with the scopes."""
    signs_for_us: ClassVar[bool] = True
    """True if tokens for other audiences are signed by the same keys, so that they can be verified here."""

    def __init__(self, options: IdentityOptions) -> None:
        """Make requests as the client of these options."""
        self._options = options

    @abstractmethod
    def form(self, token: str, audience: str, scopes: frozenset[str], actor: str | None) -> dict[str, str]:
        """Return the form of an exchange."""

    def client_form(self, audience: str) -> dict[str, str]:
        """Return the form of a request for a token of the worker itself."""
        del audience
        return {"grant_type": "client_credentials"}

    def client(self) -> tuple[str, str] | None:
        """Return user and password of the request (RFC 6749, 2.3.1), None if they are in the form."""
        return quote(self._options.client_id, safe=""), quote(self._options.client_secret, safe="")

    def is_audience(self, asked: str, found: frozenset[str]) -> bool:
        """True if a token for these audiences is one for the requested audience."""
        return asked in found

    def scopes(self, said: str, audience: str) -> frozenset[str]:
        """Return the scopes that an answer has besides its token."""
        del audience
        return frozenset(said.split())

    def has_run_out(self, said: Mapping[str, Any]) -> bool:
        """True if an error means that the subject's token has expired, and not that it is denied."""
        return said.get("error") == "invalid_grant"


class Rfc8693(ProviderProfile):
    """Token exchange of RFC 8693."""

    def form(self, token: str, audience: str, scopes: frozenset[str], actor: str | None) -> dict[str, str]:
        """Return the form of an exchange."""
        form = {
            "grant_type": EXCHANGE,
            "subject_token": token,
            "subject_token_type": ACCESS_TOKEN,
            "requested_token_type": ACCESS_TOKEN,
            "audience": audience,
        }
        if scopes:
            form["scope"] = " ".join(sorted(scopes))
        if actor is not None:
            form |= {"actor_token": actor, "actor_token_type": ACCESS_TOKEN}
        return form


class Keycloak(Rfc8693):
    """Keycloak's standard token exchange, from 26.2 on. Its audience is the id of a client of the realm."""

    def has_run_out(self, said: Mapping[str, Any]) -> bool:
        """True if the subject's token, or its session, has expired."""
        return said.get("error") in {"invalid_grant", "invalid_token"}


class Entra(ProviderProfile):
    """Microsoft Entra ID's on-behalf-of flow. Its audience is an application's id URI, ``api://crm``."""

    subject = "oid"  # ``sub`` of a person differs between applications
    scope = "scp"
    signs_for_us = False

    def form(self, token: str, audience: str, scopes: frozenset[str], actor: str | None) -> dict[str, str]:
        """Return the form of an exchange; there are no actors here."""
        del actor
        wanted = [f"{audience}/{scope}" for scope in sorted(scopes)] or [f"{audience}/.default"]
        return {
            "grant_type": ON_BEHALF_OF,
            "assertion": token,
            "requested_token_use": "on_behalf_of",
            "scope": " ".join(wanted),
            "client_id": self._options.client_id,
            "client_secret": self._options.client_secret,
        }

    def client(self) -> tuple[str, str] | None:
        """Return None: they are in the form."""
        return None

    def is_audience(self, asked: str, found: frozenset[str]) -> bool:
        """True if it is for this application, by its URI or by its id."""
        return asked in found or asked.removeprefix("api://") in found

    def scopes(self, said: str, audience: str) -> frozenset[str]:
        """Return the scopes without the prefix of the audience."""
        return frozenset(each.removeprefix(f"{audience}/") for each in said.split())

    def has_run_out(self, said: Mapping[str, Any]) -> bool:
        """True if the assertion has expired (AADSTS500133), or the person has to interact for it."""
        description = str(said.get("error_description", ""))
        return "AADSTS500133" in description or said.get("error") == "interaction_required"


PROFILES: Final[Mapping[Profile, type[ProviderProfile]]] = {
    "rfc8693": Rfc8693,
    "keycloak": Keycloak,
    "entra": Entra,
}
