"""A vault seals to the keys that may read, by what the trusted set says of them, and opens with its own alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paigeant.errors import ConfigError, InvalidInput, TamperedMessage
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key
from paigeant.security.key_sets import FileKeySet
from paigeant.security.sealing.jwe import EncryptionKey, recipients_of
from paigeant.security.sealing.places import Sealed, VaultPlaces
from paigeant.security.sealing.vault import Vault

CHARGE, SHIP, DESK = (EncryptionKey.generate() for _ in range(3))


def entry(key: EncryptionKey, *may: str, **more: Any) -> dict[str, Any]:
    return {**key.public_jwk, "paigeant": {"iss": "x", "may": list(may), **more}}


def vault(folder: Path, own: EncryptionKey | None, *entries: dict[str, Any], namespace: str = "default") -> Vault:
    trust = folder / "trusted.json"
    trust.write_text(json.dumps({"keys": list(entries)}))
    path = None
    if own is not None:
        path = folder / f"{own.kid}.jwk"
        write_key(path, own)
    return Vault(VaultPlaces(namespace, path, None if trust is None else FileKeySet(trust)))


def test_what_is_sealed_for_a_step_is_read_by_the_keys_that_may_read_that_step(tmp_path: Path) -> None:
    keys = (entry(CHARGE, "read:charge"), entry(SHIP, "read:ship"), entry(DESK, "read:*", "identity"))
    charge, ship, desk = (vault(tmp_path, own, *keys) for own in (CHARGE, SHIP, DESK))

    sealed = vault(tmp_path, None, *keys).seal(Sealed.SECRET, b"4111", ["read:charge"])

    assert [each.unseal(Sealed.SECRET, sealed) for each in (charge, desk)] == [b"4111"] * 2
    with pytest.raises(TamperedMessage):
        ship.unseal(Sealed.SECRET, sealed)
    assert recipients_of(Sealed.GRANT, desk.seal(Sealed.GRANT, b"token", ["identity"])) == (DESK.kid,)


def test_who_may_read_nothing_more_is_sealed_to_no_more(tmp_path: Path) -> None:
    past, future = "2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z"
    for more in (
        {"exp": past},
        {"nbf": future},
        {"revoked_from": past},
        {"compromised": True},
        {"ns": ["elsewhere"]},
    ):
        with pytest.raises(ConfigError, match="no key that is trusted here may read:charge"):
            vault(tmp_path, None, entry(CHARGE, "read:charge", **more)).seal(Sealed.SECRET, b"", ["read:charge"])

    good = {"nbf": past, "exp": future, "ns": ["default"]}
    assert vault(tmp_path, None, entry(CHARGE, "read:*", **good)).seal(Sealed.SECRET, b"", ["read:charge"])


def test_every_right_that_is_asked_for_needs_a_key(tmp_path: Path) -> None:
    made = vault(tmp_path, None, entry(CHARGE, "read:charge"), SigningKey.generate().public_jwk)

    with pytest.raises(ConfigError, match="may read:ship"):
        made.seal(Sealed.SECRET, b"", ["read:charge", "read:ship"])
    with pytest.raises(ConfigError, match="may identity"):
        made.seal(Sealed.GRANT, b"", ["identity"])
    with pytest.raises(ConfigError, match="set PAIGEANT_SECRET_KEY"):
        made.unseal(Sealed.SECRET, made.seal(Sealed.SECRET, b"", ["read:charge"]))
    with pytest.raises(InvalidInput, match="at most 65,536"):
        made.seal(Sealed.SECRET, b"x" * 70_000, ["read:charge"])


def test_sixteen_keys_are_sealed_to_and_no_more(tmp_path: Path) -> None:
    many = [entry(EncryptionKey.generate(), "read:*") for _ in range(17)]

    assert vault(tmp_path, None, *many[:16]).seal(Sealed.SECRET, b"", ["read:charge"])
    with pytest.raises(ConfigError, match="17 keys may"):
        vault(tmp_path, None, *many).seal(Sealed.SECRET, b"", ["read:charge"])


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([], "is not in the key set"),
        ([{**CHARGE.private_jwk, "paigeant": {"iss": "x", "may": ["read:*"]}}], "is private"),
        ([{**entry(CHARGE, "read:*"), "kid": "mine"}], "is not the key's thumbprint"),
        ([entry(CHARGE, "step:charge")], "'step:charge' is no right"),
        ([entry(CHARGE, "identity:all")], "'identity:all' is no right"),
    ],
)
def test_a_key_set_that_is_wrong_is_refused_with_the_reason(
    tmp_path: Path, entries: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        vault(tmp_path, CHARGE, *entries)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    made = tmp_path / "loose.jwk"
    write_key(made, CHARGE)
    made.chmod(0o644)
    trust = tmp_path / "trusted.json"
    trust.write_text(json.dumps({"keys": [entry(CHARGE, "read:*")]}))

    with pytest.raises(ConfigError, match="chmod 600"):
        Vault(VaultPlaces("default", made, FileKeySet(trust)))
    with pytest.raises(ConfigError, match="PAIGEANT_TRUST"):
        Vault(VaultPlaces("default", made))


def test_in_development_a_key_is_made_and_found_again(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "dev-secret.jwk"
    sealed = Vault(VaultPlaces("default", development=file)).seal(Sealed.SECRET, b"mine", ["read:anything"])

    assert Vault(VaultPlaces("default", development=file)).unseal(Sealed.SECRET, sealed) == b"mine"
    assert file.stat().st_mode & 0o077 == 0
