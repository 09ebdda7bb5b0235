"""Safety checks of the settings: requirements of production."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from paigeant.app.identities import identity_options
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.model.checks.findings import Finding, Severity
from paigeant.plugins import redacted_url
from paigeant.security.identity.options import require_https

LOOPBACK: Final = frozenset({None, "", "localhost", "127.0.0.1", "::1"})
WEAK: Final = frozenset({"", "guest", "password", "postgres", "admin", "root", "secret", "changeme", "default"})
"""Passwords of fresh installations and of common examples."""

_ENCRYPTED: Final[Mapping[str, str]] = {"redis": "rediss", "amqp": "amqps"}


def examine_safety(settings: Settings) -> Iterator[Finding]:
    """Yield findings about signing, keys, encryption and passwords: problems in production, else facts."""
    for finding in (*_signing(settings), *_servers(settings), *_identity(settings)):
        grave = settings.env == "prod" and finding.severity is Severity.WARNING
        yield finding.model_copy(update={"severity": Severity.PROBLEM}) if grave else finding


def require_safe(settings: Settings) -> None:
    """Return if the settings are safe, or not for production; raises ConfigError, with the remedy."""
    for finding in examine_safety(settings) if settings.env == "prod" else ():
        if finding.severity is Severity.PROBLEM:
            raise ConfigError(f"{finding.said} (PAIGEANT_ENV=prod): {finding.fix}")


def _signing(settings: Settings) -> Iterator[Finding]:
    own = settings.signing_key or settings.signer
    keys = own, settings.trust
    if settings.signing == "off":
        if settings.env != "prod" and not any(keys):
            yield Finding.ok("signing", "off")
            return
        said = "signing is off" + (", and keys are configured" if any(keys) else "")
        yield Finding.warning("signing", said, "set PAIGEANT_SIGNING=on")
    elif not all(keys) and settings.env == "prod":
        said = "no signing key is configured" if own is None else "no keys are trusted"
        fix = "set PAIGEANT_SIGNING_KEY or PAIGEANT_SIGNER, and PAIGEANT_TRUST: a key of development proves nothing"
        yield Finding.warning("signing", said, fix)
    else:
        how = "on, with keys that a signer vouches for" if settings.signer else "on"
        yield Finding.ok("signing", how if all(keys) else "on, with a key of development, which proves nothing")


def _identity(settings: Settings) -> Iterator[Finding]:
    """Yield findings about the identity provider: an error in its options is a problem everywhere."""
    try:
        options = identity_options(settings)
        if options is None:
            return
        require_https(options.issuer, "PAIGEANT_IDENTITY_ISSUER")
    except ConfigError as error:
        yield Finding.problem("identity", str(error), "set PAIGEANT_IDENTITY_… as the how-to on identity says")
        return
    yield Finding.ok("identity", f"{options.issuer}, as {options.profile}")


def _servers(settings: Settings) -> Iterator[Finding]:
    if settings.env != "prod":
        return
    for part, url in (("store", settings.store), ("transport", settings.transport)):
        if url is None:
            continue
        parts = urlsplit(url)
        scheme, shown = parts.scheme.partition("+")[0], redacted_url(url)
        if scheme in {"sqlite", "memory"}:
            continue
        encrypted = scheme in _ENCRYPTED.values() or parse_qs(parts.query).get("sslmode") == ["verify-full"]
        if not encrypted and parts.hostname not in LOOPBACK:
            fix = f"use {_ENCRYPTED[scheme]}://" if scheme in _ENCRYPTED else "add ?sslmode=verify-full"
            yield Finding.warning("encryption", f"the {part} {shown} is reached without encryption", fix)
        if parts.password is not None and unquote(parts.password) in WEAK | {unquote(parts.username or "")}:
            fix = "give its user a password of its own"
            yield Finding.warning("password", f"the {part} {shown} has the password of a fresh installation", fix)
