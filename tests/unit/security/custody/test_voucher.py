"""A voucher lets a key sign what its issuer may, for a day, and no byte of it, or of where it lies, can be changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic_core import to_json

from paigeant.errors import MessageRejected, RevokedKey, TamperedMessage, UnknownKey
from paigeant.model.custody.keys import KeyKind, PublishedKey
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyring import Keyring
from paigeant.security.custody.purposes import Purpose
from paigeant.security.custody.trust import Trust, read_jwks
from paigeant.security.custody.vouching.introductions import Introductions
from paigeant.security.custody.vouching.voucher import (
    LIFE,
    Voucher,
    published,
    read_voucher,
    verify_voucher,
    write_voucher,
)

from .conftest import Ring

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = SigningKey.generate()
ISSUER = SigningKey.generate("ES256")
TEXT = b'{"k":"hop"}'


def voucher(*may: str, **more: Any) -> Voucher:
    return Voucher(KEY, may or ("step:pay",), ("default",), NOW, NOW + LIFE, "host-1")._replace(**more)


def signed(made: Voucher, by: SigningKey = ISSUER, purpose: Purpose = Purpose.VOUCHER) -> PublishedKey:
    text = write_voucher(made)
    return published(made, text, by.sign(purpose, text))


def trust(*keys: SigningKey, **said: Any) -> Trust:
    """Return a set in which these keys may do this, all the same."""
    grants = {"iss": "billing", "may": ["step:*", "operate:retry"], **said}
    jwks = {"keys": [{**key.public_jwk, "paigeant": grants} for key in keys or (ISSUER,)]}
    return Trust(read_jwks(to_json(jwks), "trust"))


def test_a_key_that_is_vouched_for_may_do_this_and_nothing_else_for_a_day():
    found = verify_voucher(trust(), signed(voucher("step:pay", "operate:retry")))

    assert (found.key.kid, found.iss, found.issuer) == (KEY.kid, "billing", ISSUER.kid)
    assert [found.may(right) for right in ("step:pay", "operate:retry", "step:ship", "dispatch:x")] == [1, 1, 0, 0]
    assert (found.is_for("default"), found.is_for("other")) == (True, False)
    assert found.flaw_at(NOW) is found.flaw_at(NOW + LIFE) is None
    assert found.flaw_at(NOW - timedelta(seconds=1)) is not None
    assert found.flaw_at(NOW + LIFE + timedelta(seconds=1)) is not None


def test_no_byte_of_it_can_be_changed():
    """Not one of the text, of the signature, nor of the name under which it lies."""
    there, keys = signed(voucher()), trust()
    assert there.jws is not None
    for name in ("text", "jws", "kid"):
        whole = getattr(there, name)
        for at in range(len(whole)):
            for other in {chr(ord(whole[at]) ^ 1), "A" if whole[at] != "A" else "B"}:
                changed = there._replace(**{name: f"{whole[:at]}{other}{whole[at + 1 :]}"})
                with pytest.raises(MessageRejected):
                    verify_voucher(keys, changed)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: signed(voucher(), SigningKey.generate()), "not trusted here"),
        (lambda: signed(voucher(), KEY), "not trusted here"),
        (lambda: signed(voucher(), purpose=Purpose.RECORD), "is a paigeant-record"),
        (lambda: signed(voucher())._replace(jws=None), "no detached"),
        (lambda: signed(voucher())._replace(kid=ISSUER.kid), "of another key"),
        (lambda: signed(voucher(exp=NOW + LIFE + timedelta(seconds=1))), "at most 24 hours"),
        (lambda: signed(voucher(exp=NOW)), "at most 24 hours"),
        (lambda: signed(voucher(nbf=NOW.replace(tzinfo=None), exp=NOW.replace(tzinfo=None) + LIFE)), "offset"),
        (lambda: signed(voucher(ns=("elsewhere",)), by=LOCAL), "no namespace"),
        (lambda: signed(voucher(ns=())), "no namespace"),
        (lambda: signed(voucher(*(f"step:{number}" for number in range(1_001)))), "at most 1,000"),
        (lambda: signed(voucher("x" * 70_000)), "more than 65,536 bytes"),
        (lambda: signed(voucher(key=ISSUER), by=LOCAL), "no public Ed25519"),
        (lambda: signed(voucher(key=LOCAL)), "has itself"),
    ],
    ids=[
        *("stranger", "itself", "purpose", "unsigned", "swapped", "too long", "no time", "no offset", "elsewhere"),
        *("nowhere", "too many", "too large", "another kind", "configured"),
    ],
)
def test_what_is_no_voucher_counts_for_nothing(made: Callable[[], PublishedKey], why: str):
    keys = trust(ISSUER, LOCAL, ns=["default", "here"])

    with pytest.raises(MessageRejected, match=why):
        verify_voucher(keys, made())


LOCAL = SigningKey.generate()


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        (b'"by"', b'"by" '),
        (b'"host-1"', b'"host-1","more":1'),
        (b'"host-1"', b'"host-1","by":"other"'),
        (b'"host-1"', b"null"),
        (b'"k":"voucher"', b'"k":"record"'),
        (b'["step:pay"]', b'"step:pay"'),
        (b'["step:pay"]', b"[1]"),
        (b'"kty":"OKP"', b'"kty":"oct"'),
        (b'"2026-01-01T', b'"01/01/2026 '),
        (b'{"k"', b"[" * 100 + b'{"k"'),
        (b'{"k"', b"\xff"),
    ],
    ids=range(11),
)
def test_a_text_has_one_spelling_also_for_its_issuer(there: bytes, instead: bytes):
    text = write_voucher(voucher())
    assert there in text

    with pytest.raises(TamperedMessage, match="no voucher"):
        read_voucher(text.replace(there, instead, 1))


def test_rights_beyond_those_of_the_issuer_have_no_effect():
    found = verify_voucher(trust(may=["step:pay"]), signed(voucher("step:*", "step:pay", "dispatch:x", "adopt", "all")))

    assert found.grants.may == ("step:pay",)


def test_a_voucher_counts_no_longer_than_its_issuer():
    hour = timedelta(hours=1)
    found = verify_voucher(trust(nbf=NOW + hour, exp=NOW + 2 * hour), signed(voucher()))

    assert found.flaw_at(NOW) is not None
    assert found.flaw_at(NOW + hour) is None
    assert found.flaw_at(NOW + 3 * hour) is not None


def test_a_key_that_is_vouched_for_vouches_for_nobody():
    keys = trust()
    keys.add(verify_voucher(keys, signed(voucher())))

    with pytest.raises(TamperedMessage, match="vouched for itself"):
        verify_voucher(keys, signed(voucher(key=SigningKey.generate()), by=KEY))


def test_with_its_issuer_all_it_signed_since_is_revoked():
    found = verify_voucher(trust(revoked_from=NOW + timedelta(hours=1), compromised=True), signed(voucher()))

    assert found.flaw_at(NOW) is None
    assert "was revoked" in str(found.flaw_at(NOW + timedelta(hours=1)))
    assert found.is_compromised


def test_a_key_set_revokes_one_key_that_was_vouched_for():
    """It is in the set without a right: what it may do stands in its voucher, up to then."""
    keys, at = trust(), NOW + timedelta(hours=1)
    revoked = {**KEY.public_jwk, "paigeant": {"iss": "billing", "may": [], "revoked_from": at.isoformat()}}
    [gone] = read_jwks(to_json({"keys": [revoked]}), "trust")
    keys.add(gone)

    found = verify_voucher(keys, signed(voucher()))

    assert found.may("step:pay")
    assert found.flaw_at(NOW) is None
    assert "was revoked" in str(found.flaw_at(at))
    other = verify_voucher(keys, signed(voucher(key=SigningKey.generate())))
    assert other.flaw_at(at) is None


def test_who_is_not_known_is_asked_for_once_at_a_time_and_introduced():
    known, keys = Introductions(development=False), trust()
    theirs = KEY.sign(Purpose.RECORD, TEXT)

    assert known.strangers(keys, [theirs, theirs, ISSUER.sign(Purpose.RECORD, TEXT), b"none"]) == [KEY.kid]
    assert known.strangers(keys, [theirs]) == []
    assert known.introduce(keys, signed(voucher(), SigningKey.generate())) is None
    with pytest.raises(UnknownKey):
        keys.verify(Purpose.RECORD, TEXT, theirs)

    assert known.introduce(keys, signed(voucher())) is not None
    assert keys.verify(Purpose.RECORD, TEXT, theirs).iss == "billing"


def test_who_was_introduced_is_to_a_set_that_is_read_again_if_it_still_counts():
    known, before = Introductions(development=False), trust()
    known.introduce(before, signed(voucher()))
    for after, counts in ((trust(may=["step:pay"]), True), (trust(SigningKey.generate()), False)):
        known.repeat(after)
        assert (KEY.kid in after.keys) is counts


def test_not_too_many_are_asked_for_at_a_time_and_those_that_were_seen_last_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("paigeant.security.custody.vouching.introductions.KEPT", 3)
    monkeypatch.setattr("paigeant.security.custody.vouching.introductions.ASKED", 4)
    known, keys, made = Introductions(development=False), trust(), [SigningKey.generate() for _ in range(5)]
    signatures = [key.sign(Purpose.RECORD, TEXT) for key in made]

    asked = [known.strangers(keys, signatures) for _ in range(2)]
    for key in made[:3]:
        known.introduce(keys, signed(voucher(key=key)))
    known.strangers(keys, signatures[:1])
    known.introduce(keys, signed(voucher(key=made[3])))

    assert [len(each) for each in asked] == [4, 1]
    assert [key.kid in keys.keys for key in made] == [True, False, True, True, False]


def test_keys_of_development_count_where_none_is_configured_alone():
    row = PublishedKey(KEY.kid, KeyKind.DEVELOPMENT, to_json(KEY.public_jwk).decode())
    private = row._replace(text=to_json(KEY.private_jwk).decode())
    other = row._replace(kid=ISSUER.kid)
    here = Introductions(development=True)

    assert Introductions(development=False).introduce(trust(), row) is None
    assert here.introduce(Trust(), signed(voucher())) is None
    assert here.introduce(Trust(), private) is here.introduce(Trust(), other) is None
    assert here.introduce(Trust(), row._replace(text="{")) is here.introduce(Trust(), row._replace(text="[]")) is None
    found = here.introduce(Trust(), row)
    assert found is not None
    assert (found.iss, found.may("step:pay")) == ("development", True)


def test_a_keyring_counts_what_a_voucher_signed_by_the_time_of_the_store(ring: Ring):
    ring.grant("signer", "step:pay")
    keys = ring.keyring()
    assert isinstance(keys, Keyring)
    jws = KEY.sign(Purpose.RECORD, TEXT)
    keys.introduce([signed(voucher(), ring.keys["signer"])])

    assert keys.verify(Purpose.RECORD, TEXT, jws, NOW).iss == "signer"
    assert not keys.is_past(jws, NOW)
    assert keys.is_past(jws, NOW + 2 * LIFE)
    with pytest.raises(RevokedKey, match="was good until"):
        keys.verify(Purpose.RECORD, TEXT, jws, NOW + 2 * LIFE)


def test_what_is_revoked_in_the_set_is_so_for_whoever_was_introduced_before(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("paigeant.security.custody.keyring.LOOK", 0.0)
    ring.grant("signer", "step:pay")
    keys, jws = ring.keyring(), KEY.sign(Purpose.RECORD, TEXT)
    keys.introduce([signed(voucher(), ring.keys["signer"])])
    keys.verify(Purpose.RECORD, TEXT, jws, NOW)

    ring.change("signer", revoked_from=NOW.isoformat())
    ring.keyring()

    with pytest.raises(RevokedKey, match="was revoked"):
        keys.verify(Purpose.RECORD, TEXT, jws, NOW)
