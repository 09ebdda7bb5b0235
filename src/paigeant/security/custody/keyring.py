"""The keyring of a process: the key that it signs with, and those that it trusts."""

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
"""Seconds after which the files of keys are looked at again."""

LOOK_FOR: Final = 5.0
"""The same while something is signed by a key that is not known."""

SHOWN: Final = 600.0
"""Seconds after which a key of development is written for others again: somebody may have deleted it."""


class Keyring:
    """Signs and verifies. Without a key of its own it verifies, and signs nothing.

    Files are read again once they have changed, within a minute; if one cannot be read any more, what was read counts.
    Of a key set at an address that does so for a day, and then what others have signed is that of unknown keys. A key's
    successor signs from when the key set says that it is good. Beside the keys of the set those count that are
    introduced: vouchers of its keys, and where none is configured keys of development.
    """

    def __init__(self, places: KeyPlaces) -> None:
        """Read the keys; raises ConfigError, which says what to do."""
        self.namespace: str = places.namespace
        self._places = places
        self._is_development = places.signing_key is None and places.trust is None and places.signer is None
        self._introductions = Introductions(development=self._is_development and not places.production)
        self._vouched = None if places.signer is None else VouchedKey(places.signer, places.namespace, places.now)
        self._shown: float | None = None
        self._own: list[SigningKey] = []
        """The process's own key, after its successor, if there is one."""
        self.trust: Trust = Trust()
        self.version: int = 0
        """How often keys were read again."""
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
        """Read the files again if they have changed, so many seconds after the last look; returns whether.

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
            return False  # it is about to be written, or somebody has to mend it
        self._stamp = stamp
        self.version += 1
        return True

    def _own_kids(self) -> list[str]:
        vouched = None if self._vouched is None else self._vouched.current
        return [each.kid for each in self._own] + ([] if vouched is None else [vouched.key.kid])

    # -- keys that are not in the set

    async def prepare(self, keep: KeepKeys, *rights: str) -> None:
        """Return once this process can sign what these are the rights to, as far as a signer vouches for it.

        ``keep`` has written a new key before it is used: its voucher, or of one of development its public half. Raises
        ConfigError for a key in the set that lacks a right, and Unavailable.
        """
        self.look(LOOK)
        if self._vouched is not None:
            if await self._vouched.prepare(lambda: self.trust, keep, rights) and self._vouched.current is not None:
                self.introduce([self._vouched.current.voucher])
        elif self._is_development and (self._shown is None or monotonic() - self._shown >= SHOWN):
            await self._show(keep)

    async def _show(self, keep: KeepKeys) -> None:
        """Write the public half of a key of development; what was written before counts if it cannot be repeated."""
        [key] = self._own
        try:
            await keep([PublishedKey(key.kid, KeyKind.DEVELOPMENT, to_json(key.public_jwk).decode())])
        except Unavailable:
            if self._shown is None:
                raise
        self._shown = monotonic()

    def strangers(self, signatures: Iterable[bytes]) -> list[str]:
        """Return the ids of keys that have signed this, are not known here, and were not asked for a moment ago."""
        return self._introductions.strangers(self.trust, signatures)

    def introduce(self, keys: Iterable[PublishedKey]) -> None:
        """Trust keys as far as they prove themselves; the rest counts for nothing."""
        for key in keys:
            self._introductions.introduce(self.trust, key)

    @property
    def voucher(self) -> PublishedKey | None:
        """The voucher of the key that signs now, None if that is in the key set, or one of development."""
        current = None if self._vouched is None else self._vouched.current
        return None if current is None else current.voucher

    @property
    def is_development(self) -> bool:
        """Whether no key is configured: then keys prove nothing against who writes to the store."""
        return self._is_development

    @property
    def signer(self) -> SigningKey:
        """The process's own key, or its successor once that is good; raises ConfigError if it has none.

        Raises Unavailable if it has a signer that has vouched for none yet, or not for now.
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
        """Return the process's own key, as it is trusted; raises ConfigError if it has none to sign ``what``."""
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
        """Return the key that signed it, if it was good then; raises TamperedMessage, RevokedKey, UnknownKey."""
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
        """Tell whether what this key signs does not count any more at this time."""
        trusted = self.trust.find(jws)
        return trusted is not None and trusted.flaw_at(at) is not None


def _good(vouched: VouchedKey, now: datetime) -> SigningKey:
    """Return the key that a signer vouches for; raises Unavailable if there is none that counts now."""
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
    """Return the key of this process, for stores that live no longer, and where nothing can be written."""
    return SigningKey.generate()


@cache
def _of_file(path: Path) -> SigningKey:
    return development_key(path) or _in_memory()


def _development(path: Path | None) -> SigningKey:
    return _in_memory() if path is None else _of_file(path)
