"""JWTs of a provider (RFC 7519), strictly: one of the modules that know joserfc.

A token names the provider's key, and does not otherwise influence its verification: each key has one algorithm, which
the token's header must name. Only asymmetric ones are supported, so that no public key is ever used as a secret.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, cast

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry, deserialize_compact

from paigeant.errors import IdentityRefused
from paigeant.security.frame import read_json

TOKEN_BYTES: Final = 16 * 1024
KEYS: Final = 100
DEPTH: Final = 8
LEEWAY: Final = timedelta(seconds=30)
"""Tolerated lead of the provider's clock. It does not extend the life of a token."""

RSA_BITS: Final = 2048
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KINDS: Final[Mapping[tuple[str, str], tuple[Any, tuple[str, ...]]]] = {
    ("RSA", ""): (RSAKey, ("RS256", "PS256")),
    ("EC", "P-256"): (ECKey, ("ES256",)),
    ("EC", "P-384"): (ECKey, ("ES384",)),
    ("OKP", "Ed25519"): (OKPKey, ("Ed25519", "EdDSA")),
}
"""Algorithms of each kind of key; the first is the default."""

_SAME: Final = {"EdDSA": "Ed25519"}
"""Two names of one algorithm (RFC 9864)."""

_MEMBERS: Final = frozenset({"kty", "crv", "x", "y", "n", "e"})


class _Registry(JWSRegistry):
    max_header_length = 4 * 1024
    max_payload_length = TOKEN_BYTES
    max_signature_length = 1024


class ProviderKey(NamedTuple):
    """Public key of a provider, with one fixed algorithm."""

    algorithm: str
    key: Any


class UnknownProviderKey(IdentityRefused):
    """Token signed by a key that is not in the provider's set, which may have changed."""


def read_keys(said: Mapping[str, Any]) -> dict[str, ProviderKey]:
    """Return the usable keys of a provider's set, by their ids; a duplicate id is dropped."""
    members: Any = said.get("keys")
    if not isinstance(members, list) or len(cast("list[Any]", members)) > KEYS:
        raise IdentityRefused(f"the key set of the identity provider is no list of at most {KEYS}")
    found: dict[str, ProviderKey] = {}
    twice: set[str] = set()
    for jwk in cast("list[Any]", members):
        made = _read_key(cast("dict[str, Any]", jwk)) if isinstance(jwk, dict) else None
        if made is None:
            continue
        kid = cast("str", jwk["kid"])
        if kid in found:
            twice.add(kid)
        found[kid] = made
    return {kid: key for kid, key in found.items() if kid not in twice}


def _read_key(jwk: dict[str, Any]) -> ProviderKey | None:
    """Return a signing key, None for another use or kind, or a weak one."""
    kind, algorithms = _KINDS.get((str(jwk.get("kty")), str(jwk.get("crv", ""))), (None, ()))
    said = str(jwk.get("alg", algorithms[0] if algorithms else ""))
    if kind is None or said not in algorithms or jwk.get("use", "sig") != "sig" or not isinstance(jwk.get("kid"), str):
        return None
    if kind is RSAKey and len(str(jwk.get("n", ""))) * 6 < RSA_BITS - 8:
        return None
    try:
        key = kind.import_key({name: jwk[name] for name in _MEMBERS if name in jwk})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return ProviderKey(_SAME.get(said, said), key)


def verify(token: str, keys: Mapping[str, ProviderKey]) -> Mapping[str, Any]:
    """Return the claims of a token that one of these keys has signed.

    Raises IdentityRefused, and UnknownProviderKey if it names a key that is not among them.
    """
    head = _part(token, 0)
    kid, algorithm = head.get("kid"), head.get("alg")
    if "crit" in head or "b64" in head or not isinstance(kid, str) or not isinstance(algorithm, str):
        raise IdentityRefused("a token whose header does not name key and algorithm alone")
    known = keys.get(kid)
    if known is None:
        raise UnknownProviderKey("a token that is signed by a key which the identity provider does not publish")
    if _SAME.get(algorithm, algorithm) != known.algorithm:
        text = f"a token of alg {algorithm[:20]!r}, and its key is for {known.algorithm}"
        raise IdentityRefused(text)
    try:
        deserialize_compact(token, known.key, registry=_Registry(algorithms=[algorithm], strict_check_header=False))
    except Exception as error:  # untrusted bytes may cause any error
        raise IdentityRefused("a token that the identity provider has not signed") from error
    return _part(token, 1)


def claims_of(token: str) -> Mapping[str, Any]:
    """Return the unverified claims of a token; raises IdentityRefused for an invalid JWT."""
    return _part(token, 1)


def _part(token: str, index: int) -> Mapping[str, Any]:
    if len(token) > TOKEN_BYTES or _COMPACT.fullmatch(token) is None:
        raise IdentityRefused("what is no JWT, whose claims could be checked")
    part = token.split(".")[index]
    try:
        said: Any = read_json(urlsafe_b64decode(part + "=" * (-len(part) % 4)), depth=DEPTH)
    except (ValueError, RecursionError) as error:
        raise IdentityRefused("what is no JWT, whose claims could be checked") from error
    if not isinstance(said, dict):
        raise IdentityRefused("what is no JWT, whose claims could be checked")
    return cast("Mapping[str, Any]", said)


def check_times(claims: Mapping[str, Any], now: datetime) -> datetime:
    """Return the expiry of a token; raises IdentityRefused for an expired, a future, or an unlimited one."""
    expires = _time(claims, "exp")
    if expires is None:
        raise IdentityRefused("a token without exp, which would be good for ever")
    for name in ("nbf", "iat"):
        since = _time(claims, name)
        if since is not None and since > now + LEEWAY:
            raise IdentityRefused(f"a token that is not good yet: {name} is {since.isoformat()}")
    if expires <= now:
        raise IdentityRefused(f"a token that has run out, at {expires.isoformat()}")
    return expires


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    said: Any = claims.get(name)
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise IdentityRefused(f"a token whose {name} is no time")
    try:
        return datetime.fromtimestamp(said, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise IdentityRefused(f"a token whose {name} is no time") from error


def audiences_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the audiences of a token."""
    said: Any = claims.get("aud")
    several: list[Any] = cast("list[Any]", said) if isinstance(said, list) else [said]
    return frozenset(each for each in several if isinstance(each, str))


def scopes_of(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """Return the scopes of a claim: a text separated by blanks, or a list."""
    said: Any = claims.get(name)
    if isinstance(said, str):
        return frozenset(said.split())
    several: list[Any] = cast("list[Any]", said) if isinstance(said, list) else []
    return frozenset(each for each in several if isinstance(each, str))
