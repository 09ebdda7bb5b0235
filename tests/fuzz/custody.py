"""What says which keys count, read beside a plain reading: a voucher, which comes from the store, and a key set."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic_core import to_json

from paigeant.errors import ConfigError, TamperedMessage
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.purposes import Purpose
from paigeant.security.custody.trust import Trust, read_jwks
from paigeant.security.custody.vouching.voucher import published, read_voucher, verify_voucher
from tests.fuzz.oracle import strict

ISSUER: Final = SigningKey.generate()
MAY: Final = ("step:*", "dispatch:paper")
GRANTED: Final = {"iss": "billing", "may": MAY, "ns": ["default"]}
TRUST: Final = Trust(read_jwks(to_json({"keys": [{**ISSUER.public_jwk, "paigeant": GRANTED}]}), "trust"))

MEMBERS: Final = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}
"""What RFC 7638 makes a thumbprint of, in its order."""


def voucher(data: bytes) -> None:
    """A voucher is read as a plain reader reads it, or refused by both, and gives no more than its issuer may."""
    expected = plain_voucher(data)
    try:
        read = read_voucher(data)
    except TamperedMessage:
        assert expected is None, "refused, and a plain reader takes it"
        return
    assert expected is not None, "taken, and a plain reader refuses it"
    assert (read.key.kid, list(read.may), list(read.ns)) == (expected["kid"], expected["may"], expected["ns"])
    assert (read.nbf.isoformat(), read.exp - read.nbf) == (expected["nbf"], expected["life"])
    with suppress(TamperedMessage):
        found = verify_voucher(TRUST, published(read, data, ISSUER.sign(Purpose.VOUCHER, data)))
        rights = {right for right in expected["may"] if right in MAY or right.startswith("step:")}
        assert set(found.grants.may) == rights
        assert (found.grants.ns, found.iss, found.issuer) == (("default",), "billing", ISSUER.kid)
        assert found.flaw_at(read.nbf - timedelta(seconds=1)) is not None
        assert found.flaw_at(read.exp + timedelta(seconds=1)) is not None


def plain_voucher(data: bytes) -> dict[str, Any] | None:
    """Return what a text vouches for, None for one that is none."""
    try:
        said = strict(data.decode())
        key, may, ns = said["key"], said["may"], said["ns"]
        nbf, exp = datetime.fromisoformat(said["nbf"]), datetime.fromisoformat(said["exp"])
        raw = urlsafe_b64decode(key["x"] + "=")
        fine = (
            list(said) == ["k", "key", "may", "ns", "nbf", "exp", "by"]
            and list(key) == ["crv", "kty", "x"]
            and (said["k"], key["crv"], key["kty"]) == ("voucher", "Ed25519", "OKP")
            and (len(raw), urlsafe_b64encode(raw)[:-1].decode()) == (32, key["x"])
            and all(isinstance(each, list) and len(each) <= 1_000 for each in (may, ns))
            and all(isinstance(each, str) for each in (*may, *ns, said["by"]))
            and ns
            and nbf.tzinfo is not None
            and timedelta() < exp - nbf <= timedelta(hours=24)
            and json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode() == data
            and len(data) <= 65_536
        )
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError):
        return None
    return {"kid": thumbprint(key), "may": may, "ns": ns, "nbf": nbf.isoformat(), "life": exp - nbf} if fine else None


def thumbprint(jwk: dict[str, Any]) -> str:
    """Return the RFC 7638 thumbprint of a JWK."""
    made = {name: jwk[name] for name in MEMBERS[jwk["kty"]]}
    digest = hashlib.sha256(json.dumps(made, separators=(",", ":")).encode()).digest()
    return urlsafe_b64encode(digest)[:-1].decode()


def key_set(data: bytes) -> None:
    """A key set is refused with its name, or has the keys that a plain reader finds, with their rights alone."""
    try:
        read = read_jwks(data, "trust.json")
    except ConfigError as error:
        if "trust.json" not in str(error):
            raise
        return
    members = [each for each in json.loads(data)["keys"] if "paigeant" in each and each.get("use") != "enc"]
    assert [key.key.kid for key in read] == [thumbprint(each) for each in members]
    assert not any("d" in each for each in members)
    for key, each in zip(read, members, strict=True):
        assert (key.iss, list(key.grants.may)) == (each["paigeant"]["iss"], each["paigeant"].get("may", []))
        assert not key.key.private
