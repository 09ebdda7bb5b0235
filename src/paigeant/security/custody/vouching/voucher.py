"""Vouchers: signatures by a configured key that make another key valid outside of the key set.

A voucher proves itself. Its place is not trusted: it counts because of its signer, for no longer and no more than its
issuer, and not at all once its issuer is revoked.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, cast

from paigeant.errors import ConfigError, TamperedMessage
from paigeant.model.custody.keys import KeyKind, PublishedKey
from paigeant.model.values.digests import encode
from paigeant.model.values.json_text import to_json
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.purposes import Purpose
from paigeant.security.custody.trust import Grants, Trust, TrustedKey, grants_of
from paigeant.security.frame import read_json

LIFE: Final = timedelta(hours=24)
"""Longest validity of a voucher."""

VOUCHER_BYTES: Final = 64 * 1024
RIGHTS: Final = 1_000
"""Limit of permissions in a voucher."""

DEPTH: Final = 4
_FIELDS: Final = ("k", "key", "may", "ns", "nbf", "exp", "by")
_MEMBERS: Final = ("crv", "kty", "x")


class Voucher(NamedTuple):
    """Content of a voucher: a key has these permissions in these namespaces, from ``nbf`` until ``exp``.

    ``by`` is the process that holds it, for people.
    """

    key: SigningKey
    may: tuple[str, ...]
    ns: tuple[str, ...]
    nbf: datetime
    exp: datetime
    by: str


def write_voucher(voucher: Voucher) -> bytes:
    """Return the text for signing."""
    jwk = voucher.key.public_jwk
    return to_json(
        {
            "k": "voucher",
            "key": {name: jwk[name] for name in _MEMBERS},
            "may": list(voucher.may),
            "ns": list(voucher.ns),
            "nbf": voucher.nbf.isoformat(),
            "exp": voucher.exp.isoformat(),
            "by": voucher.by,
        }
    )


def published(voucher: Voucher, text: bytes, jws: bytes) -> PublishedKey:
    """Return a voucher in its published form."""
    return PublishedKey(voucher.key.kid, KeyKind.VOUCHER, text.decode(), jws.decode(), voucher.exp)


def read_voucher(text: bytes) -> Voucher:
    """Parse a voucher; raises TamperedMessage unless the text is the one that would be written."""
    try:
        return _read(text)
    except (ValueError, RecursionError, ConfigError) as error:
        raise TamperedMessage(f"no voucher: {error}") from error


def _read(text: bytes) -> Voucher:
    if len(text) > VOUCHER_BYTES:
        raise ValueError(f"more than {VOUCHER_BYTES:,} bytes")
    said: Any = read_json(text, depth=DEPTH)
    fields = cast("dict[str, Any]", said) if isinstance(said, dict) else dict[str, Any]()
    if tuple(fields) != _FIELDS or fields["k"] != "voucher" or to_json(fields) != text:
        raise ValueError("it is not written as vouchers are")
    made = Voucher(_key(fields["key"]), _texts(fields["may"]), _texts(fields["ns"]), *_times(fields), fields["by"])
    if not made.ns or not isinstance(cast("Any", made.by), str):
        raise ValueError("it names no namespace, or no process")
    return made


def _key(said: Any) -> SigningKey:
    jwk = cast("dict[str, Any]", said) if isinstance(said, dict) else dict[str, Any]()
    if tuple(jwk) != _MEMBERS or (jwk["crv"], jwk["kty"]) != ("Ed25519", "OKP") or not isinstance(jwk["x"], str):
        raise ValueError("its key is no public Ed25519 key")
    if encode(urlsafe_b64decode(f"{jwk['x']}=")) != jwk["x"]:  # a key has one spelling, and therefore one thumbprint
        raise ValueError("its key is spelled otherwise")
    return SigningKey(jwk)


def _texts(said: Any) -> tuple[str, ...]:
    texts = cast("list[Any]", said) if isinstance(said, list) else list[Any]([None])
    if len(texts) > RIGHTS or not all(isinstance(each, str) for each in texts):
        raise ValueError(f"no list of at most {RIGHTS:,} texts")
    return tuple(texts)


def _times(fields: Mapping[str, Any]) -> tuple[datetime, datetime]:
    nbf, exp = (datetime.fromisoformat(str(fields[name])) for name in ("nbf", "exp"))
    if nbf.tzinfo is None or exp.tzinfo is None:
        raise ValueError("a time without an offset")
    if not timedelta() < exp - nbf <= LIFE:
        raise ValueError(f"it is not good for at most {LIFE.total_seconds() / 3600:g} hours")
    return nbf, exp


def verify_voucher(trust: Trust, stored: PublishedKey) -> TrustedKey:
    """Return the key of a voucher, with its permissions; raises TamperedMessage and UnknownKey.

    Its signer must be in the configured key set. The key has the permissions that both the voucher and the set contain,
    within the validity of both: anything beyond has no effect. A revocation of the key itself in the set applies.
    """
    text = stored.text.encode()
    issuer = trust.verify(Purpose.VOUCHER, text, (stored.jws or "").encode())
    if issuer.issuer is not None:
        raise TamperedMessage("a voucher of a key that is vouched for itself")
    voucher = read_voucher(text)
    if voucher.key.kid != stored.kid:
        raise TamperedMessage(f"a voucher of another key, {voucher.key.kid}")
    there = trust.keys.get(stored.kid)
    if there is not None and there.issuer is None and there.grants.may:
        raise TamperedMessage("a voucher of a key that the key set has itself")
    return TrustedKey(voucher.key, _grants(voucher, issuer, there), issuer.key.kid)


def _grants(voucher: Voucher, issuer: TrustedKey, there: TrustedKey | None) -> Grants:
    """Return the grants of the key: those of its issuer that the voucher names; raises TamperedMessage."""
    namespaces = [name for name in voucher.ns if issuer.is_for(name)]
    if not namespaces:
        raise TamperedMessage(f"a voucher of {issuer.iss} for no namespace in which that counts")
    said, revoked = issuer.grants, None if there is None or there.issuer is not None else there.grants
    ends = [at for at in (said.revoked_from, revoked and revoked.revoked_from) if at is not None]
    try:
        return grants_of(
            {
                "iss": issuer.iss,
                "may": [right for right in voucher.may if issuer.may(right)],
                "ns": namespaces,
                "nbf": voucher.nbf if said.nbf is None else max(voucher.nbf, said.nbf),
                "exp": voucher.exp if said.exp is None else min(voucher.exp, said.exp),
                "revoked_from": min(ends, default=None),
                "compromised": said.compromised or (revoked is not None and revoked.compromised),
            }
        )
    except ValueError as error:
        raise TamperedMessage("a voucher of rights that there are not") from error
