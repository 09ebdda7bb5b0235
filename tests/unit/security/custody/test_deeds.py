"""What a person did is what a key has signed that may do it, for this run and this system; or it counts for nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from paigeant.errors import ConfigError, RevokedKey, TamperedMessage, UnknownKey
from paigeant.model.people.deeds import DeedTerms, DeedVerb, StoredDeed
from paigeant.security.custody.deeds import verify_deed
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.purposes import Purpose

from .conftest import BEGAN, MINUTE, Ring

RUN = UUID("01890000-0000-7000-8000-000000000001")
TERMS = DeedTerms(DeedVerb.RETRY, RUN, "ann", "cli", {"accept_contract": True}, "head")


@pytest.fixture
def ring(ring: Ring) -> Ring:
    ring.grant("desk", "operate:*")
    return ring


def test_a_deed_says_who_did_what(ring: Ring):
    deed = ring.codec("desk").attest(TERMS)

    found = verify_deed(ring.keyring(), "default", StoredDeed(deed, BEGAN))

    assert found._replace(digest="") == ("retry", "ann", "cli", {"accept_contract": True}, BEGAN, "desk", "head", "")


CHANGES: dict[str, dict[str, Any]] = {
    "another verb": {"verb": "cancel"},
    "somebody else": {"by": "bob"},
    "another way": {"via": "api"},
    "other arguments": {"arguments": '{"accept_contract":false}'},
    "another run": {"workflow_id": UUID(int=RUN.int + 1)},
    "no run": {"workflow_id": None},
    "another deed": {"deed_id": RUN},
    "another text": {"text": '{"k":"deed"}'},
    "no signature": {"jws": None},
    "another signature": {"jws": "e30..AAAA"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_is_changed_of_it_is_noticed(ring: Ring, change: dict[str, Any]):
    deed = replace(ring.codec("desk").attest(TERMS), **change)

    with pytest.raises(TamperedMessage, match="deed"):
        verify_deed(ring.keyring(), "default", StoredDeed(deed, BEGAN))


def test_a_deed_for_another_system_does_not_count(ring: Ring):
    deed = ring.codec("desk").attest(TERMS)

    with pytest.raises(TamperedMessage, match="aud"):
        verify_deed(ring.keyring(), "staging", StoredDeed(deed, BEGAN))


def test_a_record_is_no_deed(ring: Ring):
    deed = ring.codec("desk").attest(TERMS)
    assert deed.text is not None
    forged = replace(deed, jws=ring.keyring("desk").sign(Purpose.RECORD, deed.text.encode()).decode())

    with pytest.raises(TamperedMessage, match="signature"):
        verify_deed(ring.keyring(), "default", StoredDeed(forged, BEGAN))


def test_a_key_that_lost_the_right_to_it_counts_no_more(ring: Ring):
    deed = ring.codec("desk").attest(TERMS)
    ring.change("desk", may=["operate:cancel"])

    with pytest.raises(TamperedMessage, match="desk may not operate:retry"):
        verify_deed(ring.keyring(), "default", StoredDeed(deed, BEGAN))


def test_a_revoked_key_counts_until_then_by_the_clock_of_the_store(ring: Ring):
    deed = ring.codec("desk").attest(TERMS)
    ring.change("desk", revoked_from=BEGAN.isoformat())

    assert verify_deed(ring.keyring(), "default", StoredDeed(deed, BEGAN - MINUTE)).iss == "desk"
    with pytest.raises(RevokedKey):
        verify_deed(ring.keyring(), "default", StoredDeed(deed, BEGAN))


def test_a_strangers_deed_is_of_an_unknown_key(ring: Ring):
    deed = ring.codec("desk").attest(TERMS)
    assert deed.text is not None
    jws = SigningKey.generate().sign(Purpose.DEED, deed.text.encode()).decode()

    with pytest.raises(UnknownKey):
        verify_deed(ring.keyring(), "default", StoredDeed(replace(deed, jws=jws), BEGAN))


def test_who_may_not_do_it_is_told_before_it_is_done(ring: Ring):
    with pytest.raises(ConfigError, match="the key of billing may not operate:retry"):
        ring.codec("billing").attest(TERMS)
    with pytest.raises(ConfigError, match="retry is signed here: set PAIGEANT_SIGNING_KEY"):
        ring.codec(None).attest(TERMS)
