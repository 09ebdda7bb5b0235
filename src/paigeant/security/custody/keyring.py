"""The keyring of a process: the key that it signs with, and those that it trusts."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from paigeant.errors import ConfigError, RevokedKey, TamperedMessage
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import development_key, read_key
from paigeant.security.custody.purposes import KeyPlaces, Purpose
from paigeant.security.custody.trust import Trust, TrustedKey, read_jwks, trusted_for_all

DEVELOPMENT: Final = "development"
"""Whose the keys are that are made where none is configured."""


class Keyring:
    """Signs and verifies. Without a key of its own it verifies, and signs nothing."""

    def __init__(self, places: KeyPlaces) -> None:
        """Read the keys; raises ConfigError, which says what to do."""
        self.namespace: str = places.namespace
        self._is_development = places.signing_key is None and places.trust is None
        if self._is_development:
            self._signer: SigningKey | None = _development(places.development)
            self.trust: Trust = Trust([trusted_for_all(self._signer, DEVELOPMENT)])
            return
        if places.trust is None:
            text = "PAIGEANT_SIGNING_KEY without PAIGEANT_TRUST: name the key set (JWKS) of all keys that are trusted"
            raise ConfigError(text)
        self._signer = None if places.signing_key is None else read_key(places.signing_key)
        self.trust = Trust(_read_trust(places.trust))
        if self._signer is not None and self._signer.kid not in self.trust.keys:
            text = f"the key of {places.signing_key} ({self._signer.kid}) is not in the key set {places.trust}"
            raise ConfigError(f"{text}: nobody would trust what it signs; publish it with `paigeant keys export-jwks`")

    @property
    def is_development(self) -> bool:
        """Whether no key is configured: then keys prove nothing against who writes to the store."""
        return self._is_development

    @property
    def signer(self) -> SigningKey:
        """The process's own key; raises ConfigError if it has none."""
        if self._signer is None:
            raise ConfigError("this is signed here: set PAIGEANT_SIGNING_KEY to a key file, or use the API")
        return self._signer

    def mine_for(self, what: str) -> TrustedKey:
        """Return the process's own key, as it is trusted; raises ConfigError if it has none to sign ``what``."""
        if self._signer is None:
            raise ConfigError(f"{what} is signed here: set PAIGEANT_SIGNING_KEY to a key file, or use the API")
        return self.mine

    @property
    def mine(self) -> TrustedKey:
        """The process's own key, as it is trusted."""
        return self.trust.keys[self.signer.kid]

    def sign(self, purpose: Purpose, text: bytes) -> bytes:
        """Return the detached JWS of this process over a text."""
        return self.signer.sign(purpose, text)

    def verify(self, purpose: Purpose, text: bytes, jws: bytes, at: datetime) -> TrustedKey:
        """Return the key that signed it, if it was good then; raises TamperedMessage, RevokedKey, UnknownKey."""
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


@cache
def _in_memory() -> SigningKey:
    """Return the key of this process, for stores that live no longer, and where nothing can be written."""
    return SigningKey.generate()


@cache
def _of_file(path: Path) -> SigningKey:
    return development_key(path) or _in_memory()


def _development(path: Path | None) -> SigningKey:
    return _in_memory() if path is None else _of_file(path)


def _read_trust(path: Path) -> list[TrustedKey]:
    try:
        return read_jwks(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(f"PAIGEANT_TRUST: {path}: {error.strerror}") from error
