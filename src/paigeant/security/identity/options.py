"""Options of an identity provider; without cryptography, so that importing loads none."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from paigeant.errors import ConfigError
from paigeant.security.sealing.places import VaultPlaces

Profile: TypeAlias = Literal["rfc8693", "keycloak", "entra"]
"""Dialect of a provider: its requests and names."""

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class IdentityOptions(NamedTuple):
    """Options of a provider: issuer, audience, and the client that exchanges tokens.

    ``ignored_scopes`` are those that a provider adds by itself; ``actor`` sends a token of the worker itself along.
    """

    issuer: str
    audience: str
    client_id: str
    client_secret: str
    profile: Profile = "rfc8693"
    ignored_scopes: frozenset[str] = frozenset()
    actor: bool = False

    def __repr__(self) -> str:
        """Show them without the client's secret."""
        return f"IdentityOptions({self.issuer!r}, {self.audience!r}, {self.client_id!r}, '***', {self.profile!r})"


class IdentityPlaces(NamedTuple):
    """Configuration of identities: the provider, and the places of the keys that grants are sealed to."""

    options: IdentityOptions
    vault: VaultPlaces


def require_https(url: str, what: str) -> str:
    """Return an address that tokens may be sent to; raises ConfigError for one without TLS, except loopback."""
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None or not parts.hostname:
        raise ConfigError(f"{what} is no address, as https://login.example.com/realm, without a user in it")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ConfigError(f"{what} is {url!r}: only https is used to another machine")
    return url
