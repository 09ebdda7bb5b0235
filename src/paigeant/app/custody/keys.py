"""Keys of an installation: create, list, rotate and revoke them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from paigeant.abc import Store
from paigeant.app.choosing import key_set_of, keys_of, signer_of
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.model.custody.keys import KeyKind
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import read_private, write_key
from paigeant.security.custody.keyring import Keyring
from paigeant.security.custody.keysets import edit_trust, granted, read_trust, successor_of
from paigeant.security.custody.purposes import utc_now
from paigeant.security.custody.trust import TrustedKey, read_grants
from paigeant.security.custody.vouching.own import VouchedKey
from paigeant.security.custody.vouching.voucher import read_voucher
from paigeant.security.key_sets import FileKeySet, KeySet
from paigeant.security.sealing.jwe import EncryptionKey
from paigeant.security.sealing.vault import Recipient, read_recipients

X25519: Final = "X25519"
"""Curve of encryption keys, to which secrets are sealed."""


def generate_key(path: Path, algorithm: str = "Ed25519") -> str:
    """Write a new private key to a file that only its owner can read; returns its id.

    It is a signing key, or with the algorithm ``X25519`` a key that opens sealed values. Raises ConfigError for an
    unknown algorithm, and if the file exists.
    """
    key = EncryptionKey.generate() if algorithm == X25519 else SigningKey.generate(algorithm)
    try:
        made = write_key(path, key)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    if not made:
        raise ConfigError(f"{path} is there already, and a key is never overwritten: name another file")
    return key.kid


def public_half(path: Path, iss: str, may: Sequence[str]) -> dict[str, Any]:
    """Return the entry of a key for a trusted key set: its public half, whose it is, and what it may sign, or read.

    Raises ConfigError for a file that holds no key, and for a right that there is not.
    """
    return _entry(_read_any(path), iss, may, str(path))


async def signers_half(settings: Settings, iss: str, may: Sequence[str]) -> dict[str, Any]:
    """Return the same of the key of the signer that the settings name; raises ConfigError and Unavailable."""
    make = signer_of(settings)
    if make is None:
        raise ConfigError("name the file of a private key, or set PAIGEANT_SIGNER")
    return _entry(await VouchedKey(make, settings.namespace, utc_now).issuer(), iss, may, "PAIGEANT_SIGNER")


def _entry(key: SigningKey | EncryptionKey, iss: str, may: Sequence[str], source: str) -> dict[str, Any]:
    grants = read_grants({"iss": iss, "may": list(may)}, source, reads=isinstance(key, EncryptionKey))
    return {**key.public_jwk, "paigeant": grants.model_dump(mode="json", exclude_defaults=True)}


ROTATION: Final = timedelta(minutes=20)
"""Delay until a new key signs: by then every process has read the new key set."""


def list_keys(settings: Settings) -> list[dict[str, Any]]:
    """Return the keys of the trusted set: each with its id, issuer and permissions; raises ConfigError."""
    return [_shown(each) for each in _trusted_keys(_key_set(settings))]


def _shown(each: TrustedKey | Recipient) -> dict[str, Any]:
    return {"kid": each.key.kid, **each.grants.model_dump(mode="json", exclude_defaults=True)}


async def list_published(settings: Settings, store: Store) -> list[dict[str, Any]]:
    """Return the published keys that count here, newest first: 1,000 at most.

    A voucher has the id of its ``issuer``, the holder of the key (``by``) and its expiry. A key that does not count
    here has ``counts``, false, and no holder. Raises ConfigError and Unavailable.
    """
    keys, shown = keys_of(settings, create=False)(), list[dict[str, Any]]()
    if not isinstance(keys, Keyring):
        return shown
    for key, at in await store.list_keys():
        keys.introduce([key])
        trusted = keys.trust.keys.get(key.kid)
        row = {"kind": key.kind, "stored_at": at.isoformat(timespec="seconds")}
        own = key.kind == KeyKind.DEVELOPMENT and keys.is_development
        if trusted is None or (trusted.issuer is None and not own):
            shown.append({"kid": key.kid, **row, "counts": False})
        else:
            vouched = None if trusted.issuer is None else read_voucher(key.text.encode())
            issuer = {} if vouched is None else {"issuer": trusted.issuer, "by": vouched.by}
            shown.append({**_shown(trusted), **row, **issuer})
    return shown


def rotate_key(settings: Settings, path: Path, *, now: bool = False) -> str:
    """Create a successor of a key with the same permissions, valid in 20 minutes, or ``now``; returns its id.

    It is written next to the old key, and its public half into the trusted set. Raises ConfigError if there is a
    successor already.
    """
    trust, old = _trust_of(settings), _read_any(path)
    new = EncryptionKey.generate() if isinstance(old, EncryptionKey) else SigningKey.generate(old.algorithm)
    since = datetime.now(UTC) + (timedelta() if now else ROTATION)

    def add(members: list[dict[str, Any]]) -> None:
        same = {**granted(members, old.kid, trust), "nbf": since.isoformat()}
        members.append({**new.public_jwk, "paigeant": same})

    if not write_key(successor_of(path), new):
        raise ConfigError(f"{successor_of(path)} is there already: retire {path} first")
    try:
        edit_trust(trust, add)
    except ConfigError:
        successor_of(path).unlink()
        raise
    return new.kid


def retire_key(settings: Settings, path: Path) -> str:
    """Replace a key by its successor; signatures of the old key made so far stay valid. Returns the new id.

    Values that are sealed to the old key can no longer be opened. Raises ConfigError if there is no successor, or it is
    not valid yet.
    """
    trust, old, new, now = _trust_of(settings), _read_any(path), _read_any(successor_of(path)), datetime.now(UTC)
    known = {each.key.kid: each for each in _trusted_keys(FileKeySet(trust))}
    flaw = known[new.kid].grants.flaw_at(new.kid, now) if new.kid in known else f"key {new.kid} is not in {trust}"
    if flaw is not None:
        raise ConfigError(f"{successor_of(path)}: {flaw}")
    edit_trust(trust, lambda members: granted(members, old.kid, trust).update(exp=now.isoformat()))
    successor_of(path).replace(path)
    return old.kid


def revoke_key(settings: Settings, kid: str, since: datetime | None = None, *, compromised: bool = False) -> None:
    """Revoke a key in the trusted set: signatures stored from a time on, by default now, do not count.

    If the key is ``compromised``, its earlier signatures count only where a record of another key follows. Raises
    ConfigError for a key that is not in the set.
    """
    trust = _trust_of(settings)
    edit_trust(trust, lambda members: granted(members, kid, trust).update(_revoked(since, compromised=compromised)))


async def revoke_voucher(
    settings: Settings, store: Store, kid: str, since: datetime | None = None, *, compromised: bool = False
) -> None:
    """Revoke a key that was vouched for: it is added to the set, without permissions.

    Raises ConfigError if its voucher is not in the store, or does not count here.
    """
    trust, keys = _trust_of(settings), keys_of(settings, create=False)()
    keys.introduce(stored.key for stored in await store.find_keys([kid]))
    found = keys.trust.keys.get(kid) if isinstance(keys, Keyring) else None
    if found is None or found.issuer is None:
        raise ConfigError(f"{trust}: no key {kid!r} is in it, nor a voucher in the store; see `paigeant keys list`")
    grants: dict[str, Any] = {"iss": found.iss, "may": [], **_revoked(since, compromised=compromised)}
    edit_trust(trust, lambda members: members.append({**found.key.public_jwk, "paigeant": grants}))


def is_in_set(settings: Settings, kid: str) -> bool:
    """True if a key is in the trusted set; raises ConfigError."""
    return any(each.key.kid == kid for each in _trusted_keys(_key_set(settings)))


def _revoked(since: datetime | None, *, compromised: bool) -> dict[str, Any]:
    at = since or datetime.now(UTC)
    return {"revoked_from": at.isoformat(), **({"compromised": True} if compromised else {})}


def _read_any(path: Path) -> SigningKey | EncryptionKey:
    """Return the key in a file, a signing key or an encryption key; raises ConfigError."""
    kinds: dict[Any, Any] = {X25519: EncryptionKey}
    return read_private(path, "key", lambda jwk: kinds.get(jwk.get("crv"), SigningKey)(jwk))


def _trusted_keys(key_set: KeySet) -> list[TrustedKey | Recipient]:
    """Return all keys of a trusted set, signing keys first; raises ConfigError."""
    return [*read_trust(key_set), *read_recipients(key_set.read(), str(key_set))]


def _key_set(settings: Settings) -> KeySet:
    key_set = key_set_of(settings)
    if key_set is None:
        raise ConfigError("PAIGEANT_TRUST is not set: it names the key set (JWKS) of all keys that are trusted")
    return key_set


def _trust_of(settings: Settings) -> Path:
    """Return the file of the key set, for editing; raises ConfigError."""
    key_set = _key_set(settings)
    if not isinstance(key_set, FileKeySet):
        text = f"PAIGEANT_TRUST is {key_set}: edit the file that is published there, with PAIGEANT_TRUST naming it"
        raise ConfigError(text)
    return key_set.path
