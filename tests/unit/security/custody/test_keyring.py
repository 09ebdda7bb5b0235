"""Keys are rotated and revoked while processes run: their files are read again, and count from then on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paigeant.app.custody import list_keys, retire_key, revoke_key, rotate_key
from paigeant.config import Settings
from paigeant.errors import ConfigError, RevokedKey, UnknownKey
from paigeant.security.custody import keyring as module
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.purposes import Purpose
from paigeant.security.signed import SignedCodec

from .conftest import Journey, Ring

TEXT = b'{"k":"hop"}'


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked at whenever they could be."""
    monkeypatch.setattr(module, "LOOK", 0.0)
    monkeypatch.setattr(module, "LOOK_FOR", 0.0)


def settings(ring: Ring) -> Settings:
    return Settings(trust=str(ring.folder / "trust"))


def kids(ring: Ring) -> dict[str, Any]:
    return {key["kid"]: key for key in list_keys(settings(ring))}


def test_a_successor_signs_once_it_is_good_and_not_before(ring: Ring):
    keys = ring.keyring("billing")
    before = keys.sign(Purpose.RECORD, TEXT)

    kid = rotate_key(settings(ring), ring.folder / "billing")

    assert keys.sign(Purpose.RECORD, TEXT).split(b"..")[0] == before.split(b"..")[0]
    said = kids(ring)[kid]
    assert (said["iss"], said["may"]) == ("billing", ["step:*"])
    assert datetime.fromisoformat(said["nbf"]) > datetime.now(UTC) + timedelta(minutes=19)
    with pytest.raises(ConfigError, match="retire"):
        rotate_key(settings(ring), ring.folder / "billing")


def test_what_was_signed_before_and_after_a_rotation_counts(ring: Ring):
    keys = ring.keyring("billing")
    before = keys.sign(Purpose.RECORD, TEXT)
    old = ring.keys["billing"].kid

    new = rotate_key(settings(ring), ring.folder / "billing", now=True)
    after = keys.sign(Purpose.RECORD, TEXT)

    now = datetime.now(UTC)
    assert keys.verify(Purpose.RECORD, TEXT, before, now).iss == "billing"
    assert keys.verify(Purpose.RECORD, TEXT, after, now).iss == "billing"
    assert retire_key(settings(ring), ring.folder / "billing") == old
    assert keys.sign(Purpose.RECORD, TEXT).split(b"..")[0] == after.split(b"..")[0]
    assert keys.verify(Purpose.RECORD, TEXT, before, now - timedelta(minutes=1)).iss == "billing"
    with pytest.raises(RevokedKey):
        keys.verify(Purpose.RECORD, TEXT, before, now + timedelta(minutes=1))
    assert list(kids(ring)) == [ring.keys["api"].kid, old, new]


def test_a_successor_that_is_not_good_yet_retires_nobody(ring: Ring):
    ring.keyring("billing")
    rotate_key(settings(ring), ring.folder / "billing")

    with pytest.raises(ConfigError, match="was not good before"):
        retire_key(settings(ring), ring.folder / "billing")


def test_a_running_process_hears_of_a_key_that_is_revoked(ring: Ring):
    keys = ring.keyring("api")
    codec = SignedCodec(keyring=lambda: keys)
    journey = Journey.begin(codec, *["draft"] * 3, now=datetime.now(UTC))
    journey.leave(ring.codec("billing"))
    leased = journey.lease(codec)
    codec.judge(leased, journey.records)

    revoke_key(settings(ring), ring.keys["billing"].kid, datetime.now(UTC) - timedelta(minutes=5))

    assert keys.mine.iss == "api"  # whoever signs looks at the files
    leased = codec.recall(leased)
    assert codec.needs_records(leased)
    with pytest.raises(RevokedKey):
        codec.judge(leased, journey.records)


def test_a_key_becomes_known_while_a_process_runs(ring: Ring):
    keys = ring.keyring("api")
    ring.grant("guest", "step:*")
    guest = ring.keyring("guest")
    signed = guest.sign(Purpose.RECORD, TEXT)

    assert keys.verify(Purpose.RECORD, TEXT, signed, datetime.now(UTC)).iss == "guest"


def test_a_key_set_that_cannot_be_read_any_more_leaves_what_was_read(ring: Ring):
    keys = ring.keyring("api")
    signed = keys.sign(Purpose.RECORD, TEXT)
    ring.granted.clear()
    (ring.folder / "trust").write_text("{")

    assert keys.verify(Purpose.RECORD, TEXT, signed, datetime.now(UTC)).iss == "api"
    with pytest.raises(UnknownKey):
        keys.verify(Purpose.RECORD, TEXT, SigningKey.generate().sign(Purpose.RECORD, TEXT), datetime.now(UTC))


def test_a_key_that_is_not_in_the_set_is_not_revoked(ring: Ring):
    ring.keyring("api")

    with pytest.raises(ConfigError, match="no key 'nobody' is in it"):
        revoke_key(settings(ring), "nobody")
