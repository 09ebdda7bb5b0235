"""JWE in the JSON serialization, strictly, for several recipients: one of the modules that know joserfc.

There is one algorithm for the key and one for the content, no compression, and one order of the members. A reader looks
for the recipient with its own key's id, and passes only that one to the library, which by itself tries its key on each
recipient, and fails at the first one that is for another key.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, cast

from joserfc.errors import JoseError
from joserfc.jwe import GeneralJSONEncryption, JWERegistry, decrypt_json, encrypt_json
from joserfc.jwk import OKPKey

from paigeant.errors import ConfigError, TamperedMessage
from paigeant.model.values.digests import encode
from paigeant.model.values.json_text import to_json
from paigeant.security.frame import read_json

ALGORITHM: Final = "ECDH-ES+A256KW"
CONTENT: Final = "A256GCM"
RECIPIENTS: Final = 16
"""Limit of recipients."""

PLAIN_BYTES: Final = 64 * 1024
"""Limit of sealed bytes."""

SEALED_BYTES: Final = 2 * PLAIN_BYTES
DEPTH: Final = 6


class _Registry(JWERegistry):
    max_ciphertext_length = SEALED_BYTES
    max_recipients = RECIPIENTS


_REGISTRY: Final = _Registry(algorithms=[ALGORITHM, CONTENT])
_MEMBERS: Final = ("protected", "iv", "ciphertext", "tag", "recipients")
_EPHEMERAL: Final = {"crv": "X25519", "kty": "OKP", "x": ""}
_KEY: Final = ("kty", "crv", "x", "d")


class EncryptionKey:
    """X25519 key: values sealed to it can be opened if it has its private half."""

    use: Final = "enc"

    def __init__(self, jwk: Mapping[str, Any]) -> None:
        """Read a JWK (RFC 7517); raises ConfigError for one of another kind."""
        kind = (str(jwk.get("kty")), str(jwk.get("crv", "")))
        if kind != ("OKP", "X25519"):
            raise ConfigError(f"a JWK of kty {kind[0]!r}, crv {kind[1]!r}: what secrets are sealed to is X25519 (OKP)")
        if jwk.get("alg", ALGORITHM) != ALGORITHM:
            raise ConfigError(f"a JWK of alg {jwk['alg']!r}, which is {ALGORITHM}")
        try:
            self.key: OKPKey = OKPKey.import_key({name: jwk[name] for name in _KEY if name in jwk})
            self.private: bool = self.key.is_private
            self.kid: str = self.key.thumbprint()
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"no usable JWK: {error}") from error

    @classmethod
    def generate(cls) -> EncryptionKey:
        """Return a new key."""
        return cls(cast("dict[str, Any]", OKPKey.generate_key("X25519").as_dict(private=True)))

    @cached_property
    def public_jwk(self) -> dict[str, Any]:
        """The public half as a JWK, with its thumbprint (RFC 7638) as ``kid``."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "alg": ALGORITHM, "use": self.use}

    @property
    def private_jwk(self) -> dict[str, Any]:
        """The whole key as a JWK."""
        return {**self.key.as_dict(private=True), "kid": self.kid, "alg": ALGORITHM, "use": self.use}


def seal(kind: str, plain: bytes, recipients: Sequence[EncryptionKey]) -> bytes:
    """Return the JWE of a text, of this ``typ``, for these keys: as JSON, its members in one order.

    Raises ValueError for a text that is too long, and for no recipients or too many.
    """
    if len(plain) > PLAIN_BYTES:
        raise ValueError(f"it is {len(plain):,} bytes; at most {PLAIN_BYTES:,} are sealed")
    if not 0 < len(recipients) <= RECIPIENTS:
        raise ValueError(f"{len(recipients)} keys may read it; something is sealed to 1 to {RECIPIENTS}")
    made = GeneralJSONEncryption({"enc": CONTENT, "typ": kind}, plain)
    for each in recipients:
        made.add_recipient({"alg": ALGORITHM, "kid": each.kid}, each.key)
    sealed = cast("Mapping[str, Any]", encrypt_json(made, None, registry=_REGISTRY))
    return to_json({name: sealed[name] for name in _MEMBERS})


def unseal(kind: str, sealed: bytes, key: EncryptionKey) -> bytes:
    """Open a JWE of this ``typ`` with a key.

    Raises TamperedMessage for an invalid JWE, a changed one, and one for other keys.
    """
    try:
        said = _read(kind, sealed)
        mine = [each for each in said["recipients"] if each["header"]["kid"] == key.kid]
        if len(mine) != 1:
            raise ValueError(f"it is not for key {key.kid}")  # noqa: TRY301
        only = {**said, "recipients": mine}
        plain = decrypt_json(cast("Any", only), key.key, registry=_REGISTRY).plaintext
    except TamperedMessage:
        raise
    except Exception as error:  # untrusted bytes may cause any error: all mean an invalid value
        raise TamperedMessage(f"what is sealed does not open: {error}") from error
    if plain is None:
        raise TamperedMessage("what is sealed does not open: nothing is in it")
    return plain


def recipients_of(kind: str, sealed: bytes) -> tuple[str, ...]:
    """Return the ids of the recipients of a JWE of this ``typ``; raises ValueError for an invalid one."""
    return tuple(each["header"]["kid"] for each in _read(kind, sealed)["recipients"])


def _read(kind: str, sealed: bytes) -> dict[str, Any]:
    """Parse a JWE; raises ValueError unless its bytes are those that would be written of its members."""
    if len(sealed) > SEALED_BYTES:
        raise ValueError(f"{len(sealed):,} bytes; at most {SEALED_BYTES:,} are allowed")
    said: Any = read_json(sealed, depth=DEPTH)
    if not isinstance(said, dict) or tuple(cast("dict[str, Any]", said)) != _MEMBERS or to_json(said) != sealed:
        raise ValueError("not the text that would be written of its members")
    if said["protected"] != _protected(kind):
        raise ValueError("its header is not one that is written here")
    readers = cast("list[Any]", said["recipients"])
    if type(readers) is not list or not 0 < len(readers) <= RECIPIENTS:
        raise ValueError(f"recipients is no list of 1 to {RECIPIENTS}")
    for each in readers:
        _check_recipient(each)
    for name in ("iv", "ciphertext", "tag"):
        _check_spelling(cast("Any", said[name]))
    return cast("dict[str, Any]", said)


def _check_recipient(said: Any) -> None:
    """Raise ValueError for a recipient that we would write differently."""
    if tuple(said) != ("header", "encrypted_key") or tuple(said["header"]) != ("alg", "kid", "epk"):
        raise ValueError("a recipient whose members are not those that are written here")
    if said["header"]["alg"] != ALGORITHM:
        raise ValueError(f"a recipient's alg is {str(said['header']['alg'])[:40]!r}, not {ALGORITHM}")
    if {**said["header"]["epk"], "x": ""} != _EPHEMERAL:
        raise ValueError("a recipient's epk is no public X25519 key")
    _check_spelling(said["encrypted_key"])
    _check_spelling(said["header"]["epk"]["x"])


def _check_spelling(text: str) -> None:
    """Raise ValueError for another spelling of base64url, which would give one sealed value several texts."""
    if encode(urlsafe_b64decode(text + "=" * (-len(text) % 4))) != text:
        raise ValueError("a member that is no base64url, or not as it is written here")


def _protected(kind: str) -> str:
    return encode(to_json({"enc": CONTENT, "typ": kind}))
