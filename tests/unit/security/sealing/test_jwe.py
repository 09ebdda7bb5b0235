"""What is sealed opens with the keys that it is for, as what it is, whole, and in no other way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import OKPKey

from paigeant.errors import ConfigError, TamperedMessage
from paigeant.security.sealing.jwe import PLAIN_BYTES, EncryptionKey, recipients_of, seal, unseal

ANN, BOB, EVE = (EncryptionKey.generate() for _ in range(3))
KIND = "paigeant-grant+jwe"
SEALED = seal(KIND, b"a token", [ANN, BOB])


def test_each_recipient_opens_it_and_nobody_else() -> None:
    assert [unseal(KIND, SEALED, key) for key in (ANN, BOB)] == [b"a token"] * 2
    assert recipients_of(KIND, SEALED) == (ANN.kid, BOB.kid)
    with pytest.raises(TamperedMessage, match="is not for key"):
        unseal(KIND, SEALED, EVE)


def test_it_opens_as_what_it_was_sealed_as() -> None:
    with pytest.raises(TamperedMessage, match="header"):
        unseal("paigeant-secret+jwe", SEALED, ANN)


def test_the_text_of_what_is_sealed_is_nowhere_in_it() -> None:
    assert b"a token" not in SEALED
    assert seal(KIND, b"a token", [ANN]) != seal(KIND, b"a token", [ANN])


@settings(deadline=None)
@given(st.integers(0, len(SEALED) - 1), st.integers(0, 255))
def test_any_byte_that_is_changed_is_noticed(place: int, byte: int) -> None:
    changed = bytearray(SEALED)
    changed[place] = byte

    try:
        assert unseal(KIND, bytes(changed), ANN) == b"a token"
    except TamperedMessage:
        return
    # What concerns the other recipient alone is none of this one's business.
    mine = json.loads(SEALED)["recipients"][0]
    assert json.loads(bytes(changed))["recipients"][0] == mine


def swap(**members: Any) -> bytes:
    return json.dumps({**json.loads(SEALED), **members}, separators=(",", ":")).encode()


def recipient(**members: Any) -> list[Any]:
    first = json.loads(SEALED)["recipients"][0]
    return [{**first, "header": {**first["header"], **members}}]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        SEALED + b" ",
        SEALED[:-1],
        SEALED.replace(b'{"protected"', b'{"zip":"DEF","protected"'),
        swap(protected=json.loads(seal("other", b"", [ANN]))["protected"]),
        swap(recipients=[]),
        swap(recipients={}),
        swap(recipients=None),
        swap(recipients=[None]),
        swap(recipients=json.loads(SEALED)["recipients"] * 20),
        swap(recipients=json.loads(SEALED)["recipients"][:1] * 2),
        swap(recipients=recipient(alg="dir")),
        swap(recipients=recipient(alg="ECDH-ES")),
        swap(recipients=recipient(epk=None)),
        swap(recipients=recipient(epk=EVE.private_jwk)),
        swap(recipients=recipient(jku="http://evil")),
        swap(tag=""),
        swap(iv="AAAAAAAAAAAAAAAA"),
        swap(ciphertext=""),
        b'{"protected":' * 10_000,
        b"\xff" * 10,
        b" " * 1_000_000,
    ],
    ids=range(25),
)
def test_what_is_no_jwe_of_ours_is_refused(text: bytes) -> None:
    with pytest.raises(TamperedMessage):
        unseal(KIND, text, ANN)


def test_something_is_sealed_up_to_64_kib_and_to_16_keys() -> None:
    large = b"x" * PLAIN_BYTES
    sixteen = [EncryptionKey.generate() for _ in range(16)]
    assert unseal(KIND, seal(KIND, large, sixteen), sixteen[-1]) == large

    with pytest.raises(ValueError, match="at most 65,536 are sealed"):
        seal(KIND, large + b"x", [ANN])
    with pytest.raises(ValueError, match="1 to 16"):
        seal(KIND, b"", [*sixteen, ANN])
    with pytest.raises(ValueError, match="1 to 16"):
        seal(KIND, b"", [])


def test_a_key_is_of_one_kind() -> None:
    same = EncryptionKey(ANN.private_jwk)
    assert (same.kid, same.private, EncryptionKey(ANN.public_jwk).private) == (ANN.kid, True, False)
    assert "d" not in ANN.public_jwk

    for jwk in (
        OKPKey.generate_key("Ed25519").as_dict(private=True),
        {**ANN.public_jwk, "alg": "dir"},
        {**ANN.public_jwk, "x": "AA"},
        {"kty": "OKP", "crv": "X25519"},
        {},
    ):
        with pytest.raises(ConfigError):
            EncryptionKey(jwk)
