"""Choice of identity provider and encryption keys from the settings. Nothing is read before its first use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypedDict

from paigeant.abc import Identities, SecretBox
from paigeant.app.choosing import development_folder, key_set_of, place_of
from paigeant.config import Settings
from paigeant.engine.runtime import no_identities
from paigeant.errors import ConfigError
from paigeant.plugins import load_plugin
from paigeant.security.identity.options import IdentityOptions, IdentityPlaces
from paigeant.security.sealing.places import VaultPlaces


def vault_places(settings: Settings) -> VaultPlaces:
    """Return the places of the keys that seal and open secrets."""
    folder = development_folder(settings)
    return VaultPlaces(
        settings.namespace,
        secret_key=place_of(settings, settings.secret_key),
        trust=key_set_of(settings),
        development=None if folder is None else folder / "dev-secret.jwk",
    )


def identity_options(settings: Settings) -> IdentityOptions | None:
    """Return the options of the identity provider, None without one; raises ConfigError for an incomplete set."""
    wanted = {
        "PAIGEANT_IDENTITY_ISSUER": settings.identity_issuer,
        "PAIGEANT_IDENTITY_AUDIENCE": settings.identity_audience,
        "PAIGEANT_IDENTITY_CLIENT_ID": settings.identity_client_id,
        "PAIGEANT_IDENTITY_CLIENT_SECRET": settings.identity_client_secret,
    }
    if not any(wanted.values()):
        return None
    lacking = next((name for name, value in wanted.items() if value is None), None)
    if lacking is not None:
        raise ConfigError(f"an identity provider is configured by halves: set {lacking}")
    issuer, audience, client_id, client_secret = (value or "" for value in wanted.values())
    return IdentityOptions(
        *(issuer, audience, client_id, client_secret, settings.identity_provider),
        ignored_scopes=frozenset(settings.identity_ignored_scopes.split()),
        actor=settings.identity_actor,
    )


class Secrecy(TypedDict):
    """Parts of a runtime that handle confidential data."""

    identities: Callable[[], Identities]
    secrets: Callable[[], SecretBox]


def secrecy_of(settings: Settings) -> Secrecy:
    """Return factories of the identities and the secret box of the settings, each used once, on demand."""

    @cache
    def secrets() -> SecretBox:
        made: SecretBox = load_plugin("paigeant.secret_boxes", "jwe")(vault_places(settings))
        return made

    return {"identities": identities_of(settings), "secrets": secrets}


def identities_of(settings: Settings) -> Callable[[], Identities]:
    """Return a factory that creates the identities of the settings once; it raises ConfigError."""

    @cache
    def identities() -> Identities:
        options = identity_options(settings)
        if options is None:
            return no_identities()
        made: Identities = load_plugin("paigeant.identities", "oauth")(IdentityPlaces(options, vault_places(settings)))
        return made

    return identities
