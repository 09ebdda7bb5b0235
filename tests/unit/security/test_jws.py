"""A signature is the one that is written here, for the key and the purpose, or it is none."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as library
from joserfc.jwk import OKPKey

from paigeant.errors import ConfigError, MessageRejected, TamperedMessage, UnknownKey
from paigeant.security.custody.jws import ALGORITHMS, SigningKey
from paigeant.security.custody.purposes import Purpose
from paigeant.security.custody.trust import Trust, trusted_for_all

TEXT = '{"k":"hop","é":1}'.encode()
KEYS = {name: SigningKey.generate(name) for name in ALGORITHMS}
TRUST = Trust([trusted_for_all(SigningKey(key.public_jwk), "tests") for key in KEYS.values()])
GOOD = {"alg": "Ed25519", "b64": False, "crit": ["b64"], "kid": KEYS["Ed25519"].kid, "typ": "paigeant-record+jws"}


def encoded(value: Any) -> bytes:
    text = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return urlsafe_b64encode(text).rstrip(b"=")


def under(header: dict[str, Any] | bytes, text: bytes = TEXT) -> bytes:
    """Return a token with another header, truly signed by the good key over that header."""
    raw: Any = KEYS["Ed25519"]
    signature = raw._model.sign(b"%b.%b" % (encoded(header), text), raw._key)
    return b"%b..%b" % (encoded(header), encoded(signature))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_signed_is_verified_by_the_public_half(algorithm: str):
    token = KEYS[algorithm].sign(Purpose.RECORD, TEXT)

    assert TRUST.verify(Purpose.RECORD, TEXT, token).key.kid == KEYS[algorithm].kid


def test_another_library_reads_it_as_a_detached_jws():
    key = KEYS["Ed25519"]
    registry = library.JWSRegistry(algorithms=["Ed25519"])

    found = library.deserialize_compact(
        key.sign(Purpose.RECORD, TEXT).decode(), OKPKey.import_key(key.public_jwk), payload=TEXT, registry=registry
    )

    assert found.payload == TEXT
    assert found.headers() == GOOD


@given(st.data())
def test_any_changed_byte_is_refused(data: st.DataObject):
    token = KEYS["Ed25519"].sign(Purpose.RECORD, TEXT)
    both = bytearray(TEXT + b"\n" + token)
    at = data.draw(st.integers(0, len(both) - 1))
    both[at] ^= data.draw(st.integers(1, 255))
    text, _, changed = bytes(both).partition(b"\n")

    with pytest.raises(MessageRejected):
        TRUST.verify(Purpose.RECORD, text, changed)


DOUBLED = b'{"alg":"Ed25519","alg":"Ed25519",' + json.dumps(GOOD, separators=(",", ":")).encode()[17:]
HEADERS = {
    "alg none": {**GOOD, "alg": "none"},
    "alg HS256": {**GOOD, "alg": "HS256"},
    "alg of another key": {**GOOD, "alg": "RS256"},
    "b64 not critical": {name: value for name, value in GOOD.items() if name != "crit"},
    "b64 true": {**GOOD, "b64": True},
    "a key that it brings": {**GOOD, "jwk": KEYS["Ed25519"].public_jwk},
    "an address of keys": {**GOOD, "jku": "http://127.0.0.1/keys"},
    "a certificate": {**GOOD, "x5u": "http://127.0.0.1/cert"},
    "another order": dict(reversed(GOOD.items())),
    "another spelling": json.dumps(GOOD).encode(),
    "a doubled key": DOUBLED,
    "no header": b"",
    "no JSON": b"\xff",
    "too long": {**GOOD, "kid": "k" * 600},
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_other_than_the_one_that_is_written_is_refused_however_it_is_signed(what: str):
    """Also one of the right names, with another algorithm: the key is known, so that nobody has to be waited for."""
    with pytest.raises(TamperedMessage):
        TRUST.verify(Purpose.RECORD, TEXT, under(HEADERS[what]))


def test_the_public_key_is_no_secret_that_signs():
    key = KEYS["RS256"]
    header = encoded({**GOOD, "alg": "HS256", "kid": key.kid})
    mac = hmac.digest(json.dumps(key.public_jwk).encode(), header + b"." + TEXT, "sha256")

    with pytest.raises(TamperedMessage):
        TRUST.verify(Purpose.RECORD, TEXT, b"%b..%b" % (header, encoded(mac)))


@pytest.mark.parametrize(
    "token", [b"", b"..", b"a.b.c", b"a..b..c", b"e30..====", b"x" * 5000, b"e30.e30.AA", b"e30..AAAAA"]
)
def test_what_is_no_detached_compact_jws_is_refused(token: bytes):
    with pytest.raises(TamperedMessage):
        TRUST.verify(Purpose.RECORD, TEXT, token)


def test_a_payload_inside_the_token_is_never_taken_for_the_text():
    key = KEYS["Ed25519"]
    registry = library.JWSRegistry(algorithms=["Ed25519"])
    inline = library.serialize_compact(
        {"alg": "Ed25519", "kid": key.kid}, b"anything", OKPKey.import_key(key.private_jwk), registry=registry
    )

    with pytest.raises(TamperedMessage):
        TRUST.verify(Purpose.RECORD, TEXT, inline.encode())


def test_a_second_spelling_of_a_signature_is_refused():
    token = KEYS["Ed25519"].sign(Purpose.RECORD, TEXT)
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1:])
    other = token[:-1] + alphabet[last ^ 1 : (last ^ 1) + 1]

    with pytest.raises(TamperedMessage):
        TRUST.verify(Purpose.RECORD, TEXT, other)


def test_a_signature_for_another_purpose_is_refused():
    with pytest.raises(TamperedMessage, match="deed"):
        TRUST.verify(Purpose.RECORD, TEXT, KEYS["Ed25519"].sign(Purpose.DEED, TEXT))


def test_a_key_that_nobody_has_configured_is_named():
    stranger = SigningKey.generate()

    with pytest.raises(UnknownKey) as refused:
        TRUST.verify(Purpose.RECORD, TEXT, stranger.sign(Purpose.RECORD, TEXT))

    assert refused.value.kid == stranger.kid


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "OKP", "crv": "X25519", "x": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "?"},
        {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {**KEYS["Ed25519"].public_jwk, "alg": "HS256"},
    ],
)
def test_a_key_of_another_kind_is_no_key(jwk: dict[str, Any]):
    with pytest.raises(ConfigError):
        SigningKey(jwk)
