"""Keyring of a process: its own signing key, and the keys that it trusts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from datetime import datetime
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Final

from paigeant.abc.codec import KeepKeys
from paigeant.errors import ConfigError, RevokedKey, TamperedMessage, Unavailable, UnknownKey
from paigeant.model.custody.keys import KeyKind, PublishedKey
from paigeant.model.values.json_text import to_json
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import development_key, read_key
from paigeant.security.custody.keysets import read_trust, successor_of
from paigeant.security.custody.purposes import KeyPlaces, Purpose
from paigeant.security.custody.trust import Trust, TrustedKey, trusted_for_all
from paigeant.security.custody.vouching.introductions import DEVELOPMENT, Introductions
from paigeant.security.custody.vouching.own import VouchedKey
from paigeant.security.key_sets import KeySetExpired, stamp_of

LOOK: Final = 60.0
"""Seconds between two checks of key files for changes."""

LOOK_FOR: Final = 5.0
"""The same while a signature by an unknown key waits."""

SHOWN: Final = 600.0
"""Seconds after which a development key is published again: it may have been deleted."""


class Keyring:
    """Signs and verifies. Without its own key it only verifies.

    Changed files are read again within a minute; while one cannot be read, its last content counts. A key set at an
    address counts like that for a day, after which signatures of others are by unknown keys. The successor of a key
    signs from its start time in the key set. In addition to the keys of the set, introduced keys count: vouchers by its
    keys, and development keys if none is configured.
    """

    def __init__(self, places: KeyPlaces) -> None:
        """Read the keys; raises ConfigError with the remedy."""
        self.namespace: str = places.namespace
        self._places = places
        self._is_development = places.signing_key is None and places.trust is None and places.signer is None
        self._introductions = Introductions(development=self._is_development and not places.production)
        self._vouched = None if places.signer is None else VouchedKey(places.signer, places.namespace, places.now)
        self._shown: float | None = None
        self._own: list[SigningKey] = []
        """Own keys: the present key last, its successor, if any, before it."""
        self.trust: Trust = Trust()
        self.version: int = 0
        """Number of reads of the keys."""
        self._looked = monotonic()
        self._stamp = self._files()
        self._read()

    def _files(self, *, soon: bool = False) -> Hashable:
        key, trust = self._places.signing_key, self._places.trust
        trusted = None if trust is None else trust.stamp(soon=soon)
        return trusted, stamp_of(key, None if key is None else successor_of(key))

    def _read(self) -> None:
        """Read all keys, or none of them; raises ConfigError."""
        places = self._places
        if self._is_development:
            key = _development(places.development)
            self._own, self.trust = [key], Trust([trusted_for_all(key, DEVELOPMENT)])
            self._introductions.repeat(self.trust)
            return
        if places.trust is None:
            which = "PAIGEANT_SIGNING_KEY" if places.signer is None else "PAIGEANT_SIGNER"
            text = f"{which} without PAIGEANT_TRUST: name the key set (JWKS) of all keys that are trusted"
            raise ConfigError(text)
        own = [] if places.signing_key is None else _with_successor(places.signing_key)
        trust = Trust(read_trust(places.trust))
        if own and own[-1].kid not in trust.keys:
            text = f"the key of {places.signing_key} ({own[-1].kid}) is not in the key set {places.trust}"
            raise ConfigError(f"{text}: nobody would trust what it signs; publish it with `paigeant keys export-jwks`")
        self._introductions.repeat(trust)
        self._own, self.trust = own, trust
        if self._vouched is not None:
            self._vouched.look_up(trust)

    def look(self, after: float = 0.0, *, soon: bool = False) -> bool:
        """Read changed files again, this many seconds after the last check; returns True if something was read.

        ``soon``: a key is missing, which may have been added just now.
        """
        if monotonic() - self._looked < after:
            return False
        self._looked, stamp = monotonic(), self._files(soon=soon)
        if stamp == self._stamp:
            return False
        try:
            self._read()
        except KeySetExpired:
            self.trust = Trust(self.trust.keys[kid] for kid in self._own_kids() if kid in self.trust.keys)
        except ConfigError:
            return False  # it is being written, or a person has to repair it
        self._stamp = stamp
        self.version += 1
        return True

    def _own_kids(self) -> list[str]:
        vouched = None if self._vouched is None else self._vouched.current
        return [each.kid for each in self._own] + ([] if vouched is None else [vouched.key.kid])

    # -- keys that are not in the set

    async def prepare(self, keep: KeepKeys, *rights: str) -> None:
        """Return once this process can sign with these rights, as far as a signer must vouch for it.

        ``keep`` stores a new key before it is used: its voucher, or the public half of a development key. Raises
        ConfigError for a key in the set that lacks a right, and Unavailable.
        """
        self.look(LOOK)
        if self._vouched is not None:
            if await self._vouched.prepare(lambda: self.trust, keep, rights) and self._vouched.current is not None:
                self.introduce([self._vouched.current.voucher])
        elif self._is_development and (self._shown is None or monotonic() - self._shown >= SHOWN):
            await self._show(keep)

    async def _show(self, keep: KeepKeys) -> None:
        """Publish the public half of a development key; an earlier publication suffices if this fails."""
        [key] = self._own
        try:
            await keep([PublishedKey(key.kid, KeyKind.DEVELOPMENT, to_json(key.public_jwk).decode())])
        except Unavailable:
            if self._shown is None:
                raise
        self._shown = monotonic()

    def strangers(self, signatures: Iterable[bytes]) -> list[str]:
        """Return the ids of unknown keys in these signatures, except those returned a moment ago."""
        return self._introductions.strangers(self.trust, signatures)

    def introduce(self, keys: Iterable[PublishedKey]) -> None:
        """Trust keys that prove themselves; ignore others."""
        for key in keys:
            self._introductions.introduce(self.trust, key)

    @property
    def voucher(self) -> PublishedKey | None:
        """Voucher of the present signing key, None for a key in the key set or a development key."""
        current = None if self._vouched is None else self._vouched.current
        return None if current is None else current.voucher

    @property
    def is_development(self) -> bool:
        """True if no key is configured: keys then prove nothing against writers to the store."""
        return self._is_development

    @property
    def signer(self) -> SigningKey:
        """The process's own key, or its successor once that is valid; raises ConfigError without a key.

        Raises Unavailable if its signer has not vouched for one yet, or not for the present time.
        """
        self.look(LOOK)
        now = self._places.now()
        if self._vouched is not None:
            return _good(self._vouched, now)
        if not self._own:
            raise ConfigError("this is signed here: set PAIGEANT_SIGNING_KEY to a key file, or use the API")
        good = (each for each in self._own[:-1] if self._is_good(each.kid, now))
        return next(good, self._own[-1])

    def _is_good(self, kid: str, now: datetime) -> bool:
        trusted = self.trust.keys.get(kid)
        return trusted is not None and trusted.flaw_at(now) is None

    def mine_for(self, what: str) -> TrustedKey:
        """Return the process's own key, as it is trusted; raises ConfigError without a key to sign ``what``."""
        if not self._own and self._vouched is None:
            raise ConfigError(f"{what} is signed here: set PAIGEANT_SIGNING_KEY to a key file, or use the API")
        return self.mine

    @property
    def mine(self) -> TrustedKey:
        """The process's own key, as it is trusted."""
        kid = self.signer.kid
        vouched = None if self._vouched is None else self._vouched.current
        return self.trust.keys[kid] if vouched is None else vouched.trusted

    def sign(self, purpose: Purpose, text: bytes) -> bytes:
        """Return the detached JWS of this process over a text."""
        return self.signer.sign(purpose, text)

    def verify(self, purpose: Purpose, text: bytes, jws: bytes, at: datetime) -> TrustedKey:
        """Return the signing key, if it was valid at this time; raises TamperedMessage, RevokedKey, UnknownKey."""
        self.look(LOOK)
        try:
            trusted = self.trust.verify(purpose, text, jws)
        except UnknownKey:
            if not self.look(LOOK_FOR, soon=True):
                raise
            trusted = self.trust.verify(purpose, text, jws)
        if not trusted.is_for(self.namespace):
            raise TamperedMessage(f"key {trusted.key.kid} is not for namespace {self.namespace!r}")
        flaw = trusted.flaw_at(at)
        if flaw is not None:
            raise RevokedKey(flaw)
        return trusted

    def is_past(self, jws: bytes, at: datetime) -> bool:
        """True if a signature by this key at this time does not count any more."""
        trusted = self.trust.find(jws)
        return trusted is not None and trusted.flaw_at(at) is not None


def _good(vouched: VouchedKey, now: datetime) -> SigningKey:
    """Return the key that a signer vouches for; raises Unavailable without a presently valid one."""
    current = vouched.current
    flaw = "no key has been vouched for yet" if current is None else current.trusted.flaw_at(now)
    if current is None or flaw is not None:
        raise Unavailable(f"this is signed by a key that PAIGEANT_SIGNER vouches for, and {flaw}")
    return current.key


def _with_successor(path: Path) -> list[SigningKey]:
    successor = successor_of(path)
    return [*([read_key(successor)] if successor.exists() else []), read_key(path)]


@cache
def _in_memory() -> SigningKey:
    """Return the key of this process, for stores that do not outlive it, and if no file can be written."""
    return SigningKey.generate()


@cache
def _of_file(path: Path) -> SigningKey:
    return development_key(path) or _in_memory()


def _development(path: Path | None) -> SigningKey:
    return _in_memory() if path is None else _of_file(path)
