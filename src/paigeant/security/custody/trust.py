"""Trust: the trusted keys, and the permissions of each.

Authority comes from configuration only, never from a message: a key that is not configured signs nothing.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_core import from_json

from paigeant.errors import ConfigError, MessageRejected, TamperedMessage, UnknownKey
from paigeant.security.custody.jws import SigningKey, take_apart
from paigeant.security.custody.purposes import ADOPT, Purpose
from paigeant.security.key_sets import JWKS_BYTES

KEYS: Final = 1000
RIGHTS: Final = ("dispatch", "publish", "step", "operate")
"""Kinds of permissions, followed by ``:`` and a name or ``*``."""

READING: Final = ("read",)
"""The same for encryption keys, to which secrets are sealed."""

IDENTITY: Final = "identity"
"""Permission of an encryption key to open grants; it has no name part."""

FIRST_AGAIN: Final = 5.0
AGAIN: Final = 60.0
"""Seconds until a hop signed by an unknown key is offered again: at first, and later."""

STRANGERS: Final = 1_000
"""Limit of remembered unknown keys."""


class Grants(BaseModel, extra="forbid"):
    """Grants of a key: the ``paigeant`` member of its JWK, with issuer, permissions, namespaces and validity.

    ``may`` are ``dispatch:WORKFLOW``, ``publish:WORKFLOW``, ``step:ACTIVITY`` and ``operate:VERB``, each with a name or
    ``*``, and ``adopt``. ``ns`` are namespaces, all if there are none. The key is valid from ``nbf`` until ``exp``. Its
    signatures stored from ``revoked_from`` on do not count, by the store's clock, since a thief can write any time. A
    signature by a ``compromised`` key counts only if a record of a still trusted key follows.
    """

    iss: str = Field(min_length=1, max_length=255)
    may: tuple[str, ...] = ()
    ns: tuple[str, ...] = ()
    nbf: datetime | None = None
    exp: datetime | None = None
    revoked_from: datetime | None = None
    compromised: bool = False

    @field_validator("nbf", "exp", "revoked_from")
    @classmethod
    def _has_an_offset(cls, at: datetime | None) -> datetime | None:
        if at is not None and at.tzinfo is None:
            text = "a time without an offset: write it as 2026-01-31T12:00:00Z"
            raise ValueError(text)
        return at

    def flaw_at(self, kid: str, at: datetime) -> str | None:
        """Return the reason why the key of this id is not valid at this time; None if it is valid."""
        if self.nbf is not None and at < self.nbf:
            return f"key {kid} was not good before {self.nbf.isoformat()}"
        if self.exp is not None and at > self.exp:
            return f"key {kid} was good until {self.exp.isoformat()}"
        if self.revoked_from is not None and at >= self.revoked_from:
            return f"key {kid} was revoked from {self.revoked_from.isoformat()} on"
        return None


@dataclass(frozen=True)
class TrustedKey:
    """Key and its grants. ``issuer`` is the id of the key that vouches for it; None if it is configured."""

    key: SigningKey = field(repr=False)
    grants: Grants
    issuer: str | None = None

    @property
    def iss(self) -> str:
        """Issuer name of the key."""
        return self.grants.iss

    def may(self, right: str) -> bool:
        """True if it has this permission, such as ``step:pay``."""
        kind = right.partition(":")[0]
        return right in self.grants.may or (kind != right and f"{kind}:*" in self.grants.may)

    @property
    def is_compromised(self) -> bool:
        """True if it may be stolen."""
        return self.grants.compromised

    def is_for(self, namespace: str) -> bool:
        """True if it is valid in this namespace."""
        return not self.grants.ns or namespace in self.grants.ns

    def flaw_at(self, at: datetime) -> str | None:
        """Return the reason why a signature stored at this time, by the store's clock, does not count; else None."""
        return self.grants.flaw_at(self.key.kid, at)


class Trust:
    """Trusted keys, looked up by the exact headers of their signatures."""

    def __init__(self, keys: Iterable[TrustedKey] = ()) -> None:
        """Trust these keys."""
        self._by_header: dict[bytes, tuple[TrustedKey, Purpose]] = {}
        self.keys: dict[str, TrustedKey] = {}
        self._strangers: set[str] = set()
        for key in keys:
            self.add(key)

    def add(self, trusted: TrustedKey) -> None:
        """Trust one more key."""
        self.keys[trusted.key.kid] = trusted
        for purpose in Purpose:
            self._by_header[trusted.key.header(purpose)] = (trusted, purpose)

    def remove(self, kid: str) -> None:
        """Stop trusting a key, if it is known."""
        trusted = self.keys.pop(kid, None)
        if trusted is not None:
            for purpose in Purpose:
                self._by_header.pop(trusted.key.header(purpose), None)

    def verify(self, purpose: Purpose, text: bytes, jws: bytes) -> TrustedKey:
        """Return the key of a valid signature for this purpose, over exactly this text.

        Raises TamperedMessage for an invalid signature, and UnknownKey for that of a key that is not known here.
        """
        parts = take_apart(jws)
        if parts is None:
            raise TamperedMessage("its signature is no detached compact JWS")
        header, signature = parts
        found = self._by_header.get(header)
        if found is None:
            raise self._refused(header)
        trusted, is_for = found
        if is_for is not purpose:
            raise TamperedMessage(f"its signature is a {is_for}, not a {purpose}")
        if not trusted.key.verifies(header, signature, text):
            raise TamperedMessage(f"it is not what {trusted.grants.iss} signed")
        return trusted

    def find(self, jws: bytes) -> TrustedKey | None:
        """Return the key of a signature's header, None for an unknown one; nothing is verified."""
        found = self._by_header.get(jws.partition(b"..")[0])
        return None if found is None else found[0]

    def _refused(self, header: bytes) -> MessageRejected:
        """Return the error for a header of no known key."""
        kid = kid_of(header)
        if kid is None or kid in self.keys:  # a known key has one header for each purpose, and this is not it
            return TamperedMessage("the header of its signature is not one that is written here")
        again = AGAIN if kid in self._strangers else FIRST_AGAIN
        if len(self._strangers) < STRANGERS:
            self._strangers.add(kid)
        return UnknownKey(f"it is signed by key {kid[:64]!r}, which is not trusted here", kid, again)


def kid_of(header: bytes) -> str | None:
    """Return the key id in a header, None unless the header has the form that we write."""
    try:
        said: Any = from_json(urlsafe_b64decode(header + b"==" if len(header) % 4 else header))
        kid, names = said["kid"], tuple(said)
    except Exception:  # noqa: BLE001  (a stranger's bytes)
        return None
    return kid if names == ("alg", "b64", "crit", "kid", "typ") and isinstance(kid, str) else None


def read_jwks(text: bytes, source: str) -> list[TrustedKey]:
    """Return the keys of a trusted set (RFC 7517, with ``paigeant``); those without our grants are left out.

    Raises ConfigError, which names the ``source``.
    """
    members = members_of(text, source)
    try:
        return [_trusted(jwk) for jwk in members if jwk.get("use") != "enc"]
    except (ValueError, TypeError, KeyError, AttributeError, ConfigError) as error:
        raise ConfigError(f"{source}: no key set: {_said(error)}") from error


def members_of(text: bytes, source: str) -> list[Mapping[str, Any]]:
    """Return the JWKs of a key set that have our grants; raises ConfigError, which names the ``source``."""
    if len(text) > JWKS_BYTES:
        raise ConfigError(f"{source}: {len(text):,} bytes; a key set has {JWKS_BYTES:,} at most")
    try:
        members: Any = from_json(text)["keys"]
        if not isinstance(members, list) or len(cast("list[Any]", members)) > KEYS:
            raise ConfigError(f"{source}: no key set: keys is no list of at most {KEYS}")
        return [jwk for jwk in cast("list[Mapping[str, Any]]", members) if "paigeant" in jwk]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{source}: no key set: {error}") from error


def read_grants(said: Mapping[str, Any], source: str, *, reads: bool = False) -> Grants:
    """Parse the grants of a signing key, or of one that ``reads``; raises ConfigError, which names the ``source``."""
    try:
        return grants_of(said, reads=reads)
    except ValueError as error:
        raise ConfigError(f"{source}: {_said(error)}") from error


def grants_of(said: Mapping[str, Any], *, reads: bool = False) -> Grants:
    """Parse the grants of a key; raises ValueError."""
    grants, kinds = Grants.model_validate(said), READING if reads else RIGHTS
    nameless = IDENTITY if reads else ADOPT
    known = [*(f"{each}:NAME" for each in kinds), nameless]
    for right in grants.may:
        kind, colon, name = right.partition(":")
        if not (kind in kinds and colon and name) and right != nameless:
            raise ValueError(f"{right!r} is no right of such a key; known: {', '.join(known)}")
    return grants


def _trusted(jwk: Mapping[str, Any]) -> TrustedKey:
    grants, key = grants_of(jwk["paigeant"]), SigningKey(jwk)
    if key.private:
        raise ValueError(f"key {key.kid} is private: publish its public half alone")
    if jwk.get("kid", key.kid) != key.kid:
        raise ValueError(f"kid {jwk['kid']!r} is not the key's thumbprint, {key.kid}")
    return TrustedKey(key, grants)


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)


def trusted_for_all(key: SigningKey, iss: str) -> TrustedKey:
    """Return a key with all permissions: a development key, or a process's own without a configuration."""
    return TrustedKey(key, Grants(iss=iss, may=(*(f"{kind}:*" for kind in RIGHTS), ADOPT)))
