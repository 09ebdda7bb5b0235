"""A process signs with a key of a day that its signer vouches for, which others know before it is used."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic_core import from_json, to_json

from paigeant.abc import Signer
from paigeant.errors import ConfigError, RevokedKey, Unavailable
from paigeant.model.custody.keys import KeyKind, PublishedKey
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyring import Keyring
from paigeant.security.custody.purposes import KeyPlaces, Purpose
from paigeant.security.custody.vouching import own
from paigeant.security.key_sets import FileKeySet

from .conftest import Ring

TEXT = b'{"k":"hop"}'
HOUR = timedelta(hours=1)


class Hsm(Signer):
    """A signer whose key is in this process: what it signs is real."""

    def __init__(self, key: SigningKey) -> None:
        self.key = key
        self.signed = 0
        self.fails: Exception | None = None
        self.shown: Mapping[str, Any] = key.public_jwk

    async def public_jwk(self) -> Mapping[str, Any]:
        return self.shown

    async def sign(self, text: bytes) -> bytes:
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        self.signed += 1
        model: Any = self.key._model  # pyright: ignore[reportPrivateUsage]
        return model.sign(text, self.key._key)  # pyright: ignore[reportPrivateUsage]


@dataclass
class Process:
    """One process, its clock, and what it has written for others."""

    ring: Ring
    hsm: Hsm
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    kept: list[PublishedKey] = field(default_factory=list[PublishedKey])

    def __post_init__(self) -> None:
        self.ring.keyring()
        places = KeyPlaces(
            "default",
            trust=FileKeySet(self.ring.folder / "trust"),
            signer=lambda: self.hsm,
            now=lambda: self.now,
        )
        self.keys = Keyring(places)

    async def keep(self, keys: Sequence[PublishedKey]) -> None:
        if not self.kept:  # it is not used before it is there
            with pytest.raises(Unavailable):
                self.keys.sign(Purpose.RECORD, TEXT)
        self.kept += keys

    def change(self, **more: Any) -> None:
        """Say more of the signer's key in the set, which is read at once."""
        self.ring.change("hsm", **more)
        self.ring.keyring()
        self.keys.look()


@pytest.fixture(params=["Ed25519", "ES256", "RS256"])
def process(request: pytest.FixtureRequest, ring: Ring) -> Process:
    return made(ring, request.param)


def made(ring: Ring, algorithm: str = "Ed25519") -> Process:
    ring.keys["hsm"] = SigningKey.generate(algorithm)
    ring.grant("hsm", "step:pay", "step:ship", "dispatch:order", "operate:retry", "operate:cancel")
    return Process(ring, Hsm(ring.keys["hsm"]))


@pytest.fixture
def one(ring: Ring) -> Process:
    return made(ring)


async def test_others_believe_what_it_signs_by_the_key_set_and_the_voucher(process: Process):
    await process.keys.prepare(process.keep, "step:pay")
    jws = process.keys.sign(Purpose.RECORD, TEXT)

    others = process.ring.keyring()
    assert len(others.strangers([jws])) == 1
    others.introduce(process.kept)
    found = others.verify(Purpose.RECORD, TEXT, jws, process.now)
    assert (found.iss, found.may("step:pay"), found.may("step:ship")) == ("hsm", True, False)
    assert [(key.kind, key.kid) for key in process.kept] == [(KeyKind.VOUCHER, process.keys.signer.kid)]
    assert process.keys.signer.kid != process.hsm.key.kid
    assert b'"d"' not in to_json(process.kept)


async def test_the_signer_is_asked_once_for_what_is_signed_all_day(one: Process):
    await asyncio.gather(*(one.keys.prepare(one.keep, "step:pay") for _ in range(5)))
    for _ in range(15):
        one.now += HOUR
        await one.keys.prepare(one.keep, "step:pay")

    assert (one.hsm.signed, len(one.kept)) == (1, 1)


async def test_it_is_renewed_well_before_its_end_with_the_same_rights_and_another_key(one: Process):
    await one.keys.prepare(one.keep, "step:pay")
    before = one.keys.sign(Purpose.RECORD, TEXT)
    one.now += 17 * HOUR

    await one.keys.prepare(one.keep)
    after = one.keys.sign(Purpose.RECORD, TEXT)

    assert before.split(b"..")[0] != after.split(b"..")[0]
    assert [from_json(key.text)["may"] for key in one.kept] == [["step:pay"], ["step:pay"]]
    others = one.ring.keyring()
    others.introduce(one.kept)
    others.verify(Purpose.RECORD, TEXT, before, one.now)
    with pytest.raises(RevokedKey, match="was good until"):
        others.verify(Purpose.RECORD, TEXT, before, one.now + 8 * HOUR)
    others.verify(Purpose.RECORD, TEXT, after, one.now + 8 * HOUR)


async def test_what_else_is_to_be_signed_is_vouched_for_when_it_is_asked_for(one: Process):
    for right in ("step:pay", "dispatch:order", "operate:retry", "operate:cancel", "step:pay"):
        await one.keys.prepare(one.keep, right)

    every = ["dispatch:order", "operate:cancel", "operate:retry", "step:pay"]
    assert [from_json(key.text)["may"] for key in one.kept] == [["step:pay"], ["dispatch:order", "step:pay"], every]


async def test_what_the_signers_key_may_not_do_it_cannot_vouch_for(one: Process):
    with pytest.raises(ConfigError, match="hsm may not dispatch:all: add it to its rights"):
        await one.keys.prepare(one.keep, "dispatch:all")

    assert one.kept == []
    with pytest.raises(Unavailable, match="no key has been vouched for"):
        one.keys.sign(Purpose.RECORD, TEXT)


async def test_a_signer_that_fails_for_hours_stops_nothing_as_long_as_the_voucher_is_good(
    one: Process, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(own, "AGAIN", 0.0)
    await one.keys.prepare(one.keep, "step:pay")
    one.hsm.fails = OSError("secret 5f2b")
    one.now += 20 * HOUR

    await one.keys.prepare(one.keep, "step:pay")

    assert "PAIGEANT_SIGNER failed: OSError; the voucher of this process is good for 235 minutes yet" in caplog.text
    assert "5f2b" not in caplog.text
    with pytest.raises(Unavailable, match="OSError"):  # more is not there to be had
        await one.keys.prepare(one.keep, "step:ship")
    one.now += 4 * HOUR - timedelta(minutes=12)
    with pytest.raises(Unavailable, match="OSError"):
        await one.keys.prepare(one.keep)
    one.keys.sign(Purpose.RECORD, TEXT)
    one.now += HOUR
    with pytest.raises(Unavailable, match="was good until"):
        one.keys.sign(Purpose.RECORD, TEXT)
    one.hsm.fails = None
    await one.keys.prepare(one.keep)
    one.keys.sign(Purpose.RECORD, TEXT)
    assert from_json(one.kept[-1].text)["may"] == ["step:pay"]


async def test_a_signer_that_failed_is_left_alone_for_a_minute(one: Process):
    await one.keys.prepare(one.keep)
    asked, fails = list[bytes](), Unavailable("the KMS is away")

    async def sign(text: bytes) -> bytes:
        asked.append(text)
        raise fails

    one.hsm.sign = sign
    one.now += 20 * HOUR
    for _ in range(3):
        await one.keys.prepare(one.keep)

    assert len(asked) == 1


async def test_a_store_that_fails_leaves_the_key_as_it_was(one: Process):
    async def refuse(_: Sequence[PublishedKey]) -> None:
        raise Unavailable("the store is away")

    with pytest.raises(Unavailable, match="the store is away"):
        await one.keys.prepare(refuse, "step:pay")
    with pytest.raises(Unavailable):
        one.keys.sign(Purpose.RECORD, TEXT)
    await one.keys.prepare(one.keep, "step:pay")
    before = one.keys.signer.kid
    one.now += 20 * HOUR
    await one.keys.prepare(refuse, "step:pay")

    assert one.keys.signer.kid == before


async def test_a_signer_that_does_not_answer_is_given_up(one: Process, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(own, "PATIENCE", 0.01)

    async def sign(text: bytes) -> bytes:
        await asyncio.sleep(60)
        return text

    one.hsm.sign = sign
    with pytest.raises(Unavailable, match=r"has not answered in 0\.01 seconds"):
        await one.keys.prepare(one.keep)


async def test_what_is_no_signature_of_its_key_is_never_written(one: Process):
    one.hsm.key = SigningKey.generate()

    with pytest.raises(ConfigError, match="no Ed25519 signature of its key"):
        await one.keys.prepare(one.keep)
    assert one.kept == []


@pytest.mark.parametrize("shown", ["another", "private", "weak"])
async def test_a_signer_shows_the_public_half_of_a_key_that_is_trusted(one: Process, shown: str):
    one.hsm.shown = {
        "another": SigningKey.generate().public_jwk,
        "private": one.hsm.key.private_jwk,
        "weak": {"kty": "oct", "k": "c2VjcmV0"},
    }[shown]

    with pytest.raises(ConfigError, match=r"not in the key set|shows its private key|use Ed25519") as raised:
        await one.keys.prepare(one.keep)
    assert str(one.hsm.key.private_jwk["d"]) not in str(raised.value)


async def test_a_key_whose_issuer_is_revoked_or_gone_signs_no_more(one: Process):
    await one.keys.prepare(one.keep, "step:pay")
    one.keys.sign(Purpose.RECORD, TEXT)

    one.change(revoked_from=one.now.isoformat())

    with pytest.raises(Unavailable, match="was revoked"):
        one.keys.sign(Purpose.RECORD, TEXT)
    with pytest.raises(ConfigError, match=r"can vouch for nothing: .* was revoked"):
        await one.keys.prepare(one.keep)

    del one.ring.granted["hsm"]
    one.ring.keyring()
    one.keys.look()

    with pytest.raises(ConfigError, match="is not in the key set"):
        await one.keys.prepare(one.keep)


async def test_a_process_whose_signer_may_less_now_hears_of_it(one: Process):
    await one.keys.prepare(one.keep, "step:pay", "step:ship")

    one.change(may=["step:pay"])

    assert not one.keys.mine.may("step:ship")
    with pytest.raises(ConfigError, match="may not step:ship"):
        await one.keys.prepare(one.keep)


async def test_a_key_of_development_is_shown_to_others_once_in_a_while(monkeypatch: pytest.MonkeyPatch):
    kept = list[PublishedKey]()

    async def keep(keys: Sequence[PublishedKey]) -> None:
        kept.extend(keys)

    here, there = Keyring(KeyPlaces("default")), Keyring(KeyPlaces("default", production=True))
    for _ in range(3):
        await here.prepare(keep, "step:pay")
    monkeypatch.setattr("paigeant.security.custody.keyring.SHOWN", 0.0)
    await here.prepare(keep, "step:pay")

    async def refuse(_: Sequence[PublishedKey]) -> None:
        raise Unavailable("the store is away")

    await here.prepare(refuse)  # it is there already, and nothing has to end for this
    with pytest.raises(Unavailable):
        await Keyring(KeyPlaces("default")).prepare(refuse)
    assert [(key.kid, key.kind) for key in kept] == [(here.signer.kid, KeyKind.DEVELOPMENT)] * 2
    assert "d" not in from_json(kept[0].text)
    other = SigningKey.generate()
    row = PublishedKey(other.kid, KeyKind.DEVELOPMENT, to_json(other.public_jwk).decode())
    for keys in (here, there):
        keys.introduce([row])
    assert (other.kid in here.trust.keys, other.kid in there.trust.keys) == (True, False)
