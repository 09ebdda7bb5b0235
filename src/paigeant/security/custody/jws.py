"""Detached JWS (RFC 7797), strictly: one of the modules that know joserfc.

A header is compared, never interpreted: for each key and purpose there is one text, and any other is rejected, however
a parser would read it. So a header cannot choose an algorithm, bring a key, or mean two things to two readers. The
signed bytes are ``header "." text``, as in RFC 7797 with ``b64`` false; joserfc provides the algorithms (RFC 9864,
7518).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from paigeant.errors import ConfigError
from paigeant.model.values.digests import encode
from paigeant.security.custody.purposes import Purpose

ALGORITHMS: Final = ("Ed25519", "ES256", "RS256")
JWS_BYTES: Final = 2048

_REGISTRY: Final = JWSRegistry(algorithms=ALGORITHMS)
_DETACHED: Final = re.compile(rb"([A-Za-z0-9_-]{1,700})\.\.([A-Za-z0-9_-]{1,1400})")
_KINDS: Final[Mapping[tuple[str, str], tuple[str, Any]]] = {
    ("OKP", "Ed25519"): ("Ed25519", OKPKey),
    ("EC", "P-256"): ("ES256", ECKey),
    ("RSA", ""): ("RS256", RSAKey),
}
RSA_BITS: Final = 2048


class SigningKey:
    """Key of one fixed algorithm that signs if it has its private half, and verifies."""

    def __init__(self, jwk: Mapping[str, Any]) -> None:
        """Read a JWK (RFC 7517); raises ConfigError for an unsupported or weak key."""
        algorithm, kind = _kind_of(jwk)
        self.algorithm: str = algorithm
        try:
            self._key: Any = kind.import_key({name: jwk[name] for name in jwk if name in _MEMBERS})
            self.private: bool = self._key.is_private
            self.kid: str = self._key.thumbprint()
            self._model: Any = _REGISTRY.get_alg(self.algorithm)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"no usable JWK: {error}") from error

    @classmethod
    def generate(cls, algorithm: str = "Ed25519") -> SigningKey:
        """Return a new key."""
        match algorithm:
            case "Ed25519":
                made: Any = OKPKey.generate_key("Ed25519")
            case "ES256":
                made = ECKey.generate_key("P-256")
            case "RS256":
                made = RSAKey.generate_key(RSA_BITS)
            case _:
                raise ConfigError(f"no algorithm {algorithm!r}; known: {', '.join(ALGORITHMS)}")
        return cls(made.as_dict(private=True))

    @cached_property
    def public_jwk(self) -> dict[str, Any]:
        """The public half as a JWK, with its thumbprint (RFC 7638) as ``kid``."""
        return {**self._key.as_dict(private=False), "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    @property
    def private_jwk(self) -> dict[str, Any]:
        """The whole key as a JWK."""
        return {**self._key.as_dict(private=True), "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def header(self, purpose: Purpose) -> bytes:
        """Return the header of this key for a purpose, base64url."""
        return self._headers[purpose]

    @cached_property
    def _headers(self) -> dict[Purpose, bytes]:
        text = '{{"alg":"{}","b64":false,"crit":["b64"],"kid":"{}","typ":"{}"}}'
        return {each: encode(text.format(self.algorithm, self.kid, each).encode()).encode() for each in Purpose}

    def sign(self, purpose: Purpose, text: bytes) -> bytes:
        """Return the detached JWS over exactly this text."""
        header = self._headers[purpose]
        signature: bytes = self._model.sign(b"%b.%b" % (header, text), self._key)
        return b"%b..%b" % (header, encode(signature).encode())

    def verifies(self, header: bytes, signature: bytes, text: bytes) -> bool:
        """True if this is the key's signature over this header and text."""
        try:
            return bool(self._model.verify(b"%b.%b" % (header, text), signature, self._key))
        except Exception:  # noqa: BLE001  (whatever a stranger's bytes provoke: it is no signature)
            return False


_MEMBERS: Final = frozenset({"kty", "crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi"})
"""Members of a JWK that define a key. Others, such as ``use`` or ``x5u``, are not passed to the library."""


def _kind_of(jwk: Mapping[str, Any]) -> tuple[str, Any]:
    kind = (str(jwk.get("kty")), str(jwk.get("crv", "")))
    if kind not in _KINDS:
        text = f"a JWK of kty {kind[0]!r}, crv {kind[1]!r}: use Ed25519 (OKP), P-256 (EC) or RSA"
        raise ConfigError(text)
    algorithm, made = _KINDS[kind]
    if jwk.get("alg", algorithm) not in {algorithm, "EdDSA" if algorithm == "Ed25519" else algorithm}:
        raise ConfigError(f"a JWK of alg {jwk['alg']!r}, which is {algorithm}")
    if made is RSAKey and _bits(str(jwk.get("n", ""))) < RSA_BITS:
        raise ConfigError(f"an RSA key of less than {RSA_BITS} bits")
    return algorithm, made


def _bits(number: str) -> int:
    """Return the number of bits of a number in a JWK, 0 for an invalid one."""
    try:
        return int.from_bytes(urlsafe_b64decode(number + "=" * (-len(number) % 4))).bit_length()
    except ValueError:
        return 0


def take_apart(jws: bytes) -> tuple[bytes, bytes] | None:
    """Split a detached compact JWS into its header, still base64url, and its signature; None if it is malformed.

    A signature has one spelling: base64url with non-zero unused bits is rejected.
    """
    found = _DETACHED.fullmatch(jws) if len(jws) <= JWS_BYTES else None
    if found is None:
        return None
    if len(found[2]) % 4 == 1:
        return None  # no valid encoding has this length, and the decoder would raise
    signature = urlsafe_b64decode(found[2] + b"==" if len(found[2]) % 4 else found[2])
    return (found[1], signature) if encode(signature).encode() == found[2] else None


def jwk_of_pem(text: bytes) -> dict[str, Any]:
    """Return the public JWK of a PEM file (SubjectPublicKeyInfo); raises ValueError."""
    for kind in (OKPKey, ECKey, RSAKey):
        try:
            made = kind.import_key(text)
        except Exception:  # noqa: BLE001, S112  (of another kind, or no key: the library says it in many ways)
            continue
        if made.is_private:
            raise ValueError("it is a private key")
        return dict(made.as_dict(private=False))
    raise ValueError("no public key that is used here")
