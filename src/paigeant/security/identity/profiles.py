"""Profiles: how each kind of provider is asked for a token, and by which names its answer says the same."""

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
    """What differs between providers. It decides nothing: what an answer has to be, is the same for all."""

    subject: ClassVar[str] = "sub"
    """The claim that is the same person in every token."""
    scope: ClassVar[str] = "scope"
    """The claim that has the scopes."""
    signs_for_us: ClassVar[bool] = True
    """Whether the provider's keys are those of the tokens for others, too, so that they can be verified here."""

    def __init__(self, options: IdentityOptions) -> None:
        """Ask as the client of these options."""
        self._options = options

    @abstractmethod
    def form(self, token: str, audience: str, scopes: frozenset[str], actor: str | None) -> dict[str, str]:
        """Return what is asked with."""

    def client_form(self, audience: str) -> dict[str, str]:
        """Return what a token of the worker's own is asked with."""
        del audience
        return {"grant_type": "client_credentials"}

    def client(self) -> tuple[str, str] | None:
        """Return user and password of the request (RFC 6749, 2.3.1), None where they stand in the form."""
        return quote(self._options.client_id, safe=""), quote(self._options.client_secret, safe="")

    def is_audience(self, asked: str, found: frozenset[str]) -> bool:
        """Tell whether a token for these is one for the audience that was asked for."""
        return asked in found

    def scopes(self, said: str, audience: str) -> frozenset[str]:
        """Return the scopes that an answer names beside its token."""
        del audience
        return frozenset(said.split())

    def has_run_out(self, said: Mapping[str, Any]) -> bool:
        """Tell whether an error means that the subject's token is over, and not that it is denied."""
        return said.get("error") == "invalid_grant"


class Rfc8693(ProviderProfile):
    """Token exchange as it is written (RFC 8693)."""

    def form(self, token: str, audience: str, scopes: frozenset[str], actor: str | None) -> dict[str, str]:
        """Return what is asked with."""
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
        """Tell whether the subject's token, or its session, is over."""
        return said.get("error") in {"invalid_grant", "invalid_token"}


class Entra(ProviderProfile):
    """Microsoft Entra ID's on-behalf-of flow. Its audience is an application's id URI, ``api://crm``."""

    subject = "oid"  # of one person ``sub`` is another for each application
    scope = "scp"
    signs_for_us = False

    def form(self, token: str, audience: str, scopes: frozenset[str], actor: str | None) -> dict[str, str]:
        """Return what is asked with; there are no actors here."""
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
        """Return None: they stand in the form."""
        return None

    def is_audience(self, asked: str, found: frozenset[str]) -> bool:
        """Tell whether it is for this application, by its URI or by its id alone."""
        return asked in found or asked.removeprefix("api://") in found

    def scopes(self, said: str, audience: str) -> frozenset[str]:
        """Return the scopes without the audience before them."""
        return frozenset(each.removeprefix(f"{audience}/") for each in said.split())

    def has_run_out(self, said: Mapping[str, Any]) -> bool:
        """Tell whether the assertion is over (AADSTS500133), or the person has to come back for it."""
        description = str(said.get("error_description", ""))
        return "AADSTS500133" in description or said.get("error") == "interaction_required"


PROFILES: Final[Mapping[Profile, type[ProviderProfile]]] = {
    "rfc8693": Rfc8693,
    "keycloak": Keycloak,
    "entra": Entra,
}
